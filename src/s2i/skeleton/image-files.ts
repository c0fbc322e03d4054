/** The files that make the builder image itself: its Dockerfile and a Makefile. */

/** Returns the Dockerfile. The base can be changed without editing it: `--build-arg BASE=...`. */
export function dockerfileText(name: string): string {
  return `# ${name}: an S2I builder image. It turns source code into application images.
ARG BASE=docker.io/library/debian:13-slim
FROM \${BASE}

LABEL io.k8s.display-name="${name}" \\
      io.k8s.description="Builds and runs applications" \\
      io.openshift.expose-services="8080:http" \\
      io.openshift.tags="builder,${name}" \\
      io.openshift.s2i.scripts-url="image:///usr/libexec/s2i"

# What assemble and run need. busybox serves the sample application: put your language here instead.
RUN apt-get update \\
 && apt-get install -y --no-install-recommends busybox \\
 && rm -rf /var/lib/apt/lists/*

COPY s2i/bin/ /usr/libexec/s2i/

# The group may do what the user may, because many platforms run images under an id of their choice in group 0.
RUN mkdir -p /opt/app-root/src \\
 && chown -R 1001:0 /opt/app-root \\
 && chmod -R g=u /opt/app-root

ENV HOME=/opt/app-root/src
WORKDIR /opt/app-root/src
USER 1001
EXPOSE 8080
CMD ["/usr/libexec/s2i/usage"]
`;
}

/** Returns the Makefile. */
export function makefileText(name: string): string {
  return `IMAGE ?= oci:./image:${tagOf(name)}

.PHONY: build check test

build:
	s2oci builder build . -t $(IMAGE)

check: build
	s2oci builder check $(IMAGE)

test:
	test/run
`;
}

/** A name as a tag: tags have no slashes. */
function tagOf(name: string): string {
  return name.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[.-]+/, '');
}
