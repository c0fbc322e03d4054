/** Names that the S2I contract fixes: scripts, labels, paths. */

/** The scripts a builder image can have. */
export const scriptNames = [
  'assemble',
  'run',
  'save-artifacts',
  'usage',
  'assemble-runtime',
] as const;

/** The name of a script. */
export type ScriptName = (typeof scriptNames)[number];

/** Labels of a builder image, the deprecated spelling behind the current one. */
export const builderLabels = {
  scriptsUrl: ['io.openshift.s2i.scripts-url', 'io.s2i.scripts-url'],
  destination: ['io.openshift.s2i.destination', 'io.s2i.destination'],
  assembleUser: ['io.openshift.s2i.assemble-user'],
  assembleRuntimeUser: ['io.openshift.s2i.assemble-runtime-user'],
  runtimeArtifacts: ['io.openshift.s2i.assemble-input-files'],
  builderVersion: ['io.openshift.builder-version'],
  builderBaseVersion: ['io.openshift.builder-base-version'],
} as const;

/** Variables of a builder image from before there were labels. */
export const builderVariables = {
  scriptsUrl: 'STI_SCRIPTS_URL',
  destination: 'STI_LOCATION',
} as const;

/** Labels for people and consoles. */
export const displayNameLabel = 'io.k8s.display-name';

/** What the image does, in a sentence. */
export const descriptionLabel = 'io.k8s.description';

/** What the labels of an application image begin with unless told otherwise. */
export const buildLabelNamespace = 'io.openshift.s2i.build.';

/** The namespace OpenShift's own builds use. */
export const openshiftLabelNamespace = 'io.openshift.build.';

/** Where sources, scripts and artifacts go when nothing else is said. */
export const defaultDestination = '/tmp';

/** Where assemble may leave labels for the image. */
export const imageMetadataPath = '/tmp/.s2i/image_metadata.json';

/** Directories of a source that hold scripts; the second is deprecated. */
export const sourceScriptDirectories = ['.s2i/bin', '.sti/bin'] as const;

/** Variables for assemble and the image, in the source. */
export const sourceEnvironmentPath = '.s2i/environment';
