/* A small web server: answers every request with a greeting and the user that it runs as. */

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer(int client)
{
    char request[4096];
    char body[200];
    char response[400];

    if (read(client, request, sizeof request) <= 0)
        return;
    int length = snprintf(body, sizeof body, "Hello! This answer comes from C.\nuser: %d:%d\n",
                          (int)getuid(), (int)getgid());
    int total = snprintf(response, sizeof response,
                         "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                         "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                         length, body);
    if (write(client, response, total) != total)
        perror("write");
}

int main(void)
{
    const char *text = getenv("PORT");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((unsigned short)atoi(text == NULL ? "8080" : text)),
        .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    int on = 1;
    int server = socket(AF_INET, SOCK_STREAM, 0);

    /* As the first process of a container it has no default actions for signals. */
    signal(SIGTERM, exit);
    signal(SIGINT, exit);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 16) != 0) {
        perror("listen");
        return 1;
    }
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0)
            continue;
        answer(client);
        close(client);
    }
}
