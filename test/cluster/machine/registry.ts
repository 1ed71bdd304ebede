import { mkdir, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { unpackedPath } from './debian.js'
import { start, type Started } from './namespace.js'
import { state } from './paths.js'

/** Where the cluster's own processes find the registry. `localhost` is a name that image references accept as a host. */
export const registryAddress = 'localhost:5000'

/** The image registry, whose content goes with the cluster. */
export async function startRegistry(): Promise<Started> {
  await mkdir(state('registry'), { recursive: true })
  const config = {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: state('registry') }, delete: { enabled: true } },
    http: { addr: '127.0.0.1:5000' },
  }
  await writeFile(state('registry.yml'), stringify(config))
  return start('registry', unpackedPath('docker-registry', 'usr', 'bin', 'docker-registry'), [
    'serve',
    state('registry.yml'),
  ])
}
