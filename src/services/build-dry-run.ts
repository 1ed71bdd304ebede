import { join } from 'node:path'

import { commandLine } from '../tools/command-line.js'
import { bakeArguments } from '../tools/docker.js'
import { archiveOf, bakeRequest, definition, loadsArchives, type Run } from './build-run.js'

/** The commands of a build, as they would be run; values of build arguments are masked. */
export function plannedCommands(run: Run): string[] {
  const { program } = run.docker
  const masked = Object.fromEntries(Object.keys(run.buildArgs).map((name) => [name, '***']))
  const shown = JSON.stringify(definition({ ...run, buildArgs: masked }), undefined, 2)
  const bake = `${commandLine(program, bakeArguments(bakeRequest(run)))} <<'EOF'\n${shown}\nEOF`
  const folder = commandLine('mkdir', ['-p', run.scratch])
  if (run.output === 'oci') return [folder, bake, ...placements(run)]
  if (!loadsArchives(run)) return [folder, bake]
  const loads = run.sources.map(({ app }) =>
    commandLine(program, ['image', 'load', '--quiet', '--input', archiveOf(run.scratch, app)]),
  )
  return [folder, bake, ...loads]
}

/** How finished layouts get to their places. */
function placements({ apps, scratch, options: { ociDir = '' } }: Run): string[] {
  return [
    commandLine('mkdir', ['-p', ociDir]),
    ...apps.flatMap((app) => [
      commandLine('rm', ['-rf', join(ociDir, app)]),
      commandLine('mv', [join(scratch, app), join(ociDir, app)]),
    ]),
  ]
}
