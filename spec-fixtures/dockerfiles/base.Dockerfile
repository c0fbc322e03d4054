# The image that the cases stand on: a busybox, two users, and entries of every kind.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p -m 1777 /tmp && mkdir -p /etc /root /run /var /usr/bin /home/app && chmod 700 /root \
 && printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002:app:/home/app:/bin/sh\n' > /etc/passwd \
 && printf 'root:x:0:\nstaff:x:50:app\napp:x:1002:\n' > /etc/group
RUN mkdir -p -m 2775 /data && echo data > /data/file && chown -R 1001:1002 /data && chmod 2775 /data \
 && ln -s /data /link && ln -s ../run /var/run && ln -s /nowhere/at/all /dangling \
 && echo linked > /hard1 && ln /hard1 /hard2 && echo s > /setuid && chmod 4755 /setuid && mkfifo /fifo
ENV PATH=/bin:/usr/bin BASE=base
LABEL base=yes kept="a value"
CMD ["/bin/sh"]
