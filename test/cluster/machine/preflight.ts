import { execa } from 'execa'
import { accessSync, constants } from 'node:fs'
import os from 'node:os'
import { MachineError } from './failure.js'

/** Refuses early where the cluster cannot run, and says what it needs instead of failing halfway. */
export function checkMachine(): void {
  if (process.platform !== 'linux') {
    throw new MachineError(
      `the test cluster needs Linux (this is ${process.platform}): run it in a Linux machine or virtual machine, or point ` +
        'K8SFLOW_TEST_KUBECONFIG at a cluster of your own that is only for tests',
    )
  }
  if (process.getuid?.() !== 0) {
    throw new MachineError(
      'the test cluster needs root (network namespaces, mounts, cgroups): run it as root, for example with ' +
        '`sudo -E env "PATH=$PATH" npm run sandbox`',
    )
  }
  if (!['x64', 'arm64'].includes(process.arch))
    throw new MachineError(`no build for processor ${process.arch}: x64 or arm64 only`)
  const gigabytes = os.totalmem() / 1024 ** 3
  if (gigabytes < 3.5)
    throw new MachineError(`the test cluster needs 4 GB of memory, this machine has ${gigabytes.toFixed(1)}`)
}

/** Checks that Go is there and new enough for Kubernetes' own modules. */
export async function checkGo(): Promise<void> {
  const { stdout, failed } = await execa('go', ['env', 'GOVERSION'], { reject: false })
  const minor = Number(/^go1\.(\d+)/.exec(stdout ?? '')?.[1])
  if (failed || !(minor >= 26)) {
    throw new MachineError(
      `Go 1.26 or newer is needed to build the test cluster, found ${failed ? 'none on PATH' : stdout}: install it from go.dev/doc/install`,
    )
  }
}

/** Whether a program is on PATH or in one of the folders where Debian keeps programs for root. */
export function onPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.some((folder) => {
    try {
      accessSync(`${folder}/${program}`, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
