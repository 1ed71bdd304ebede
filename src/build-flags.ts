import * as Flags from '@oclif/core/flags'

import * as flags from './flags.js'

/** How images are built and named; the same in `build` and `deploy --build`. */
export const imageFlags = () => ({
  source: Flags.string({
    summary: 'Folder that holds the folders app1 and app2, each with a Dockerfile.',
    helpValue: 'DIR',
    default: 'samples',
    env: 'K8SFLOW_SOURCE',
    helpGroup: 'IMAGE',
  }),
  platform: Flags.string({
    summary: 'Platforms to build for, comma-separated.',
    helpValue: 'linux/amd64,linux/arm64',
    default: ['linux/amd64', 'linux/arm64'],
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    env: 'K8SFLOW_PLATFORM',
    helpGroup: 'IMAGE',
  }),
  'image-prefix': Flags.string({
    summary: "What comes before /app1 in an image's name: a registry, an account.",
    helpValue: 'PREFIX',
    default: 'hecha00',
    env: 'K8SFLOW_IMAGE_PREFIX',
    helpGroup: 'IMAGE',
  }),
  tag: Flags.string({
    summary:
      'Tags instead of the one from git, comma-separated; by default the commit, with -dirty where it applies.',
    helpValue: 'TAG',
    multiple: true,
    multipleNonGreedy: true,
    delimiter: ',',
    env: 'K8SFLOW_TAG',
    helpGroup: 'IMAGE',
  }),
  'build-arg': Flags.string({
    summary:
      'Value for an ARG of the Dockerfiles; may be given more than once, in the variable one per line.',
    helpValue: 'NAME=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_BUILD_ARG',
    helpGroup: 'IMAGE',
  }),
  'allow-dirty': Flags.boolean({
    summary: 'Push also what is not committed.',
    env: 'K8SFLOW_ALLOW_DIRTY',
    helpGroup: 'IMAGE',
  }),
  builder: Flags.string({
    summary: "Builder of docker buildx; otherwise docker's current one.",
    helpValue: 'NAME',
    env: 'K8SFLOW_BUILDER',
    helpGroup: 'BUILDER',
  }),
  'cache-from': Flags.string({
    summary:
      'Cache to read, in the words of buildx; {app} stands for the app. May be given more than once, in the variable one per line.',
    helpValue: 'type=registry,ref=…',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_CACHE_FROM',
    helpGroup: 'BUILDER',
  }),
  'cache-to': Flags.string({
    summary: 'Cache to write, in the same words.',
    helpValue: 'type=registry,ref=…,mode=max',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_CACHE_TO',
    helpGroup: 'BUILDER',
  }),
  provenance: Flags.boolean({
    summary: 'Attest how the image was built; its digest then differs from build to build.',
    env: 'K8SFLOW_PROVENANCE',
    helpGroup: 'BUILDER',
  }),
  sbom: Flags.boolean({
    summary: 'Attest what the image holds (SBOM); needs a scanner image, which buildx pulls.',
    env: 'K8SFLOW_SBOM',
    helpGroup: 'BUILDER',
  }),
  'ignore-cache': Flags.boolean({
    summary: 'Build every step anew.',
    env: 'K8SFLOW_IGNORE_CACHE',
    helpGroup: 'BUILDER',
  }),
})

/** The flags of build. */
export const buildFlags = () => ({
  project: flags.project(),
  push: Flags.boolean({
    summary: 'Push the images to their registry.',
    env: 'K8SFLOW_PUSH',
  }),
  load: Flags.boolean({
    summary: 'Load the images into the local Docker engine; the default.',
    env: 'K8SFLOW_LOAD',
  }),
  'oci-dir': Flags.string({
    summary: 'Write each image as OCI layout to a folder below this one, to be scanned before it is pushed.',
    helpValue: 'DIR',
    env: 'K8SFLOW_OCI_DIR',
  }),
  write: Flags.string({
    char: 'w',
    summary: 'Values file in which to pin the pushed image by its digest; may be given more than once.',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'K8SFLOW_WRITE',
  }),
  ...imageFlags(),
  'dry-run': flags.dryRun(),
})
