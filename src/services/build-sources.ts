import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { InvalidInputError } from '../errors.js'
import { parseReference } from '../images/reference.js'
import { sourceState, type SourceState } from '../tools/git.js'
import type { Runner } from '../tools/runner.js'
import { type App, APPS } from '../values/contract.js'
import type { BuildTarget } from './build-definition.js'

/** Where an app's image comes from and what it is to be called. */
export interface SourceChoice {
  apps: readonly App[]
  /** The folder that holds one folder per app. */
  source: string
  /** What comes before the app in an image's name: `hecha00`, `registry.lan:5000/home`. */
  imagePrefix: string
  /** Instead of the tag from git. */
  tags: readonly string[]
}

/** An app's target, with what git knows of it. */
export interface Source extends BuildTarget {
  /** The same folder as `context`, as it was named. */
  folder: string
  /** The image without its tag. */
  image: string
  /** The tag that is reported. */
  tag: string
  /** Seconds since 1970 for every time in the image: 0 unless SOURCE_DATE_EPOCH says otherwise. */
  imageTime: number
  state: SourceState | undefined
}

/** How many digits of a commit make a tag: git's own abbreviations grow to 12 in the largest repositories. */
const TAG_DIGITS = 12

/**
 * Finds the folders to build and names their images: by the commit that is checked out, with `-dirty` where the
 * app's own folder holds something that is not committed.
 * The labels for its revision and time are those of the newest commit that changed the app's folder, so that commits
 * elsewhere do not change its digest.
 * @throws InvalidInputError naming everything that is missing or not a name
 */
export async function readSources(choice: SourceChoice, runner: Runner): Promise<Source[]> {
  const folder = resolve(choice.source)
  checkFolders(choice, folder)
  checkNames(choice)
  const given = givenEpoch()
  return Promise.all(
    choice.apps.map(async (app) => {
      const context = join(folder, app)
      const named = join(choice.source, app)
      const state = await sourceState(runner, context)
      const image = `${choice.imagePrefix}/${app}`
      const tags = choice.tags.length > 0 ? choice.tags : [commitTag(state, named)]
      return {
        app,
        context,
        folder: named,
        image,
        tag: tags[0] ?? '',
        references: tags.map((tag) => `${image}:${tag}`),
        epoch: given ?? state?.lastChangeSeconds,
        imageTime: given ?? 0,
        labels: labelsOf(state, choice.tags[0]),
        state,
      }
    }),
  )
}

function commitTag(state: SourceState | undefined, folder: string): string {
  if (state !== undefined) return `${state.commit.slice(0, TAG_DIGITS)}${state.dirty ? '-dirty' : ''}`
  throw new InvalidInputError(`${folder} has no commit that could name its image.`, {
    code: 'NO_COMMIT',
    suggestions: [
      'Is git installed? Then commit it: git init && git add . && git commit',
      'Or name a tag yourself: --tag 1.0.0',
    ],
    data: { folder },
  })
}

/** The variable of that name, which wins, as everywhere (reproducible-builds.org, "SOURCE_DATE_EPOCH"). */
function givenEpoch(): number | undefined {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? ''
  if (given === '') return undefined
  if (/^\d{1,11}$/.test(given)) return Number(given)
  throw new InvalidInputError(
    `SOURCE_DATE_EPOCH is ${JSON.stringify(given)}, which is no number of seconds.`,
    {
      code: 'INVALID_EPOCH',
      suggestions: ['Unset it, or set it to seconds since 1970, such as $(git log -1 --format=%ct).'],
    },
  )
}

function labelsOf(state: SourceState | undefined, version: string | undefined): Record<string, string> {
  return {
    ...(version === undefined ? {} : { 'org.opencontainers.image.version': version }),
    ...(state === undefined
      ? {}
      : {
          'org.opencontainers.image.revision': `${state.lastChange}${state.dirty ? '-dirty' : ''}`,
          'org.opencontainers.image.created': new Date(state.lastChangeSeconds * 1000).toISOString(),
          ...(state.origin === undefined ? {} : { 'org.opencontainers.image.source': state.origin }),
        }),
  }
}

function checkFolders({ apps, source }: SourceChoice, folder: string): void {
  const missing = apps.filter((app) => !existsSync(join(folder, app, 'Dockerfile')))
  if (missing.length === 0) return
  const isFolder = existsSync(folder) && statSync(folder).isDirectory()
  const text = isFolder
    ? `${missing.map((app) => join(source, app, 'Dockerfile')).join(' and ')} ${missing.length > 1 ? 'do' : 'does'} not exist.`
    : `There is no folder ${source} with apps to build.`
  const present = APPS.filter((app) => existsSync(join(folder, app, 'Dockerfile')))
  throw new InvalidInputError(text, {
    code: 'NO_SOURCE',
    suggestions: [
      'Say where the folders app1 and app2 are: --source DIR',
      ...(present.length > 0 ? [`Or build what is there: -p ${present.join(',')}`] : []),
    ],
    data: { source: folder, missing },
  })
}

function checkNames({ apps, imagePrefix, tags }: SourceChoice): void {
  for (const app of apps)
    for (const tag of tags.length > 0 ? tags : ['latest']) {
      const reference = `${imagePrefix}/${app}:${tag}`
      const { tag: read, digest } = parseReference(reference)
      // "a:b/app1" and "x@sha256:…" would be read as something else than what was meant.
      if (read !== tag || digest !== undefined)
        throw new InvalidInputError(`${JSON.stringify(tag)} is not a tag.`, {
          code: 'INVALID_TAG',
          suggestions: ['Use letters, digits, "_", "." and "-", at most 128.'],
        })
    }
}
