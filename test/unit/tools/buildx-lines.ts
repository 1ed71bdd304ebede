import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ProgressEvent } from '../../../src/progress.js'
import { type BuildProgress, buildProgress } from '../../../src/tools/build-progress.js'
import { ROOT } from '../../commands/harness.js'

/**
 * What `docker buildx bake --progress=rawjson` wrote on stderr (engine 28.5, buildx 0.29): test/fixtures/buildx. Kept is
 * what k8sflow reads, with short digests, whole seconds and no byte counts.
 */
export async function recordedLines(name: string): Promise<string[]> {
  const text = await readFile(join(ROOT, 'test', 'fixtures', 'buildx', `${name}.rawjson`), 'utf8')
  return text.trimEnd().split('\n')
}

/** The reader after a recording, and what it told. */
export async function replay(
  name: string,
  targets: readonly string[] = ['app1', 'app2'],
): Promise<{ reader: BuildProgress; events: ProgressEvent[]; told: string[] }> {
  const events: ProgressEvent[] = []
  const reader = buildProgress(targets, (event) => events.push(event))
  for (const line of await recordedLines(name)) reader.take(line)
  return { reader, events, told: events.map(toldBy) }
}

/** `done app1 2/2 COPY …`. */
export function toldBy(event: ProgressEvent): string {
  if (event.kind !== 'step') return event.kind
  return [event.state, event.subject, event.text].filter((part) => part !== undefined).join(' ')
}
