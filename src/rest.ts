import type { Command } from '@oclif/core/command'

import type { GithubSession } from './output/github/session.js'

/** Loads the commands that are not in the first file of the bundle (docs/decisions/0002). */
export async function loadCommand(id: string): Promise<Command.Class> {
  const module = (await import(`./commands/${id.replaceAll(':', '/')}.ts`)) as { default: Command.Class }
  return module.default
}

/** What a run within GitHub Actions reports with, which other runs are not to load. */
export async function githubSession(title: string): Promise<GithubSession> {
  const { GithubSession: Session } = await import('./output/github/session.js')
  return new Session(title)
}
