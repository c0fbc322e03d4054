/** The scripts of the new builder image: POSIX shell, so that they run in any base. */

/** Makes the application. */
export const assembleText = `#!/bin/sh
# Makes the application out of its source. Runs in the builder image, as its user, when an image is built.
#
#   /tmp/src        the source
#   /tmp/artifacts  what save-artifacts kept of the last build, if the build is incremental
set -e

if [ -d /tmp/artifacts/.cache ]; then
  echo "---> Restoring build artifacts..."
  mv /tmp/artifacts/.cache ./.cache
fi

echo "---> Building and installing application from source..."
cp -R /tmp/src/. ./

# Install dependencies and compile here. What the next build can use again goes into .cache.
mkdir -p .cache
echo "kept from one incremental build to the next" > .cache/README
`;

/** Starts the application. */
export const runText = `#!/bin/sh
# Starts the application. This is the command of the images that are built; exec lets signals reach the server.
set -e

exec busybox httpd -f -p "\${PORT:-8080}" -h /opt/app-root/src
`;

/** Hands artifacts to the next build. */
export const saveArtifactsText = `#!/bin/sh
# Writes a tar archive of what the next build can use again to standard output. Messages go to standard error.
set -e

cd /opt/app-root/src
if [ -d .cache ]; then
  tar -cf - .cache
fi
`;

/** Explains the builder image. */
export function usageText(name: string): string {
  return `#!/bin/sh
# Explains the builder image. This is the command of the builder image itself.
cat <<'EOF'
This is ${name}, an S2I builder image: it makes application images out of source code.

Sample invocation:

    s2oci build ./my-app ${name} my-app
    s2oci run my-app

The application then answers on port 8080.
EOF
`;
}
