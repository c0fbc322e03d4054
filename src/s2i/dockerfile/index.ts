/** The build as a Dockerfile. */
export { type DockerfileInput, generateDockerfile } from './generate.ts';
export {
  checkSuppliedScripts,
  type DockerfileScriptsInput,
  dockerfileScript,
  imageScriptsDirectory,
} from './scripts.ts';
