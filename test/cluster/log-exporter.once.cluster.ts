import { expect } from 'chai'
import { execa } from 'execa'
import { join } from 'node:path'

import { ROOT } from '../commands/harness.js'
import { installDebianPackage } from './machine/debian.js'
import { onPath } from './machine/preflight.js'

/** Here and not in `npm test`, which needs no Go; this suite has one, of the version its programs are built with. */
describe("the log exporter's own tests", () => {
  before(async () => {
    // The race detector is C: Go calls a compiler to link it.
    if (!onPath('gcc')) await installDebianPackage('gcc')
    if (!onPath('gcc')) throw new Error('gcc is needed for go test -race, and could not be installed')
    // Debian has the headers in a package of their own, which gcc only recommends.
    await installHeaders()
  })

  it('pass with the race detector', async function () {
    // Go's standard library is compiled for it where its cache is empty.
    this.timeout(1_800_000)
    const cwd = join(ROOT, 'samples/log-exporter')
    const { exitCode, all } = await execa('go', ['test', '-race', '-count=1', '-timeout=20m', './...'], {
      cwd,
      env: { CGO_ENABLED: '1', GOFLAGS: '' },
      all: true,
      reject: false,
    })
    expect(exitCode, all).to.equal(0)
    expect(all).to.match(/^ok\s/m)
  })

  async function installHeaders(): Promise<void> {
    const program = '#include <stdlib.h>\nint main(void) { return 0; }\n'
    const compiles = async () =>
      (
        await execa('gcc', ['-x', 'c', '-', '-o', '/dev/null', '-pthread'], {
          input: program,
          reject: false,
        })
      ).exitCode === 0
    if (!(await compiles())) await installDebianPackage('libc6-dev')
    expect(await compiles(), 'gcc makes a program').to.equal(true)
  }
})
