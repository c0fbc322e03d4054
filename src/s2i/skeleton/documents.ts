/** README, test and sample application of a new builder image. */

/** Explains the files to whoever goes on from here. */
export function readmeText(name: string): string {
  return `# ${name}

An S2I builder image: it turns source code into application images, without root and without a daemon.

    s2oci builder build . -t registry.example.com/builders/${name}:1
    s2oci builder check registry.example.com/builders/${name}:1
    s2oci build ./my-app registry.example.com/builders/${name}:1 registry.example.com/apps/my-app:1
    s2oci run registry.example.com/apps/my-app:1

| file | what it is for |
|---|---|
| \`Dockerfile\` | tools, labels and user of the builder image |
| \`s2i/bin/assemble\` | makes the application: source in \`/tmp/src\`, earlier artifacts in \`/tmp/artifacts\` |
| \`s2i/bin/run\` | starts the application; the command of every image that is built |
| \`s2i/bin/save-artifacts\` | optional: writes a tar archive of what the next build can use again |
| \`s2i/bin/usage\` | explains the builder image; its own command |
| \`test/run\` | builds all of it, runs the sample application and asks it for its page |
| \`test/test-app/\` | the sample application |

## Make it yours

1. In the \`Dockerfile\`, replace busybox by your language, and fill in the labels.
2. In \`assemble\`, install dependencies and compile; keep caches below \`.cache\`.
3. In \`run\`, start your server with \`exec\`.
4. Run \`test/run\`.

The scripts run as user 1001 in group 0. Give group 0 the rights of the user on everything the application writes:
many platforms run images under another id in that group.
`;
}

/** The sample application. */
export function testPageText(name: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${name}</title>
  </head>
  <body>
    <h1>Hello from ${name}!</h1>
  </body>
</html>
`;
}

/** Builds and tries everything, twice: from nothing and incrementally. */
export function testScriptText(name: string): string {
  return `#!/bin/sh
# Builds the builder image and the sample application with it, runs that and asks for its page. Needs no root,
# no daemon and no registry; leaves nothing behind. PORT is where the application listens meanwhile.
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
builder="oci:$work/builder:test"
app="oci:$work/app:test"
port=\${PORT:-8080}
server=

cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

page_answers() {
  for _ in $(seq 60); do
    if curl -fsS "http://127.0.0.1:$port/" 2>/dev/null | grep -q "Hello from ${name}"; then
      return 0
    fi
    sleep 1
  done
  return 1
}

s2oci builder build . -t "$builder"
s2oci usage "$builder" | grep -q "Sample invocation" || fail "usage says nothing"

for flags in --incremental=false --incremental=true; do
  s2oci build test/test-app "$builder" "$app" "$flags"
  s2oci run -e "PORT=$port" "$app" &
  server=$!
  page_answers || fail "the application does not answer (built with $flags)"
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=
done

echo "OK"
`;
}
