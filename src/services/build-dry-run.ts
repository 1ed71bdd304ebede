import { commandLine } from '../tools/command-line.js'
import { bakeArguments } from '../tools/docker.js'
import { archiveOf, bakeRequest, definition, type Run } from './build-run.js'

/** The commands of a build, as they would be run; values of build arguments are masked. */
export function plannedCommands(run: Run): string[] {
  const { program } = run.docker
  const masked = Object.fromEntries(Object.keys(run.buildArgs).map((name) => [name, '***']))
  const shown = JSON.stringify(definition({ ...run, buildArgs: masked }), undefined, 2)
  const bake = `${commandLine(program, bakeArguments(bakeRequest(run)))} <<'EOF'\n${shown}\nEOF`
  const folder = commandLine('mkdir', ['-p', run.scratch])
  if (run.engine.route !== 'archive' || run.output === 'oci') return [folder, bake]
  const transfers = run.sources.flatMap(({ app, references }) => [
    commandLine(program, ['image', 'load', '--quiet', '--input', archiveOf(run.scratch, app)]),
    ...(run.output === 'push'
      ? references.map((reference) => commandLine(program, ['image', 'push', reference]))
      : []),
  ])
  return [folder, bake, ...transfers]
}
