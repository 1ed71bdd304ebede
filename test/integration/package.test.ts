import { expect } from 'chai'
import { execa } from 'execa'
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { ROOT } from '../commands/harness.js'
import { helmBinaries } from './helm-binaries.js'

describe('the package', () => {
  let folder: string
  let bin: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-package-'))
    // What is compiled is in dist already; building it once more would take it from under other tests.
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
    const { stdout } = await execa('npm', pack, { cwd: ROOT })
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
    await execa('tar', ['-xzf', filename], { cwd: folder })
    bin = join(folder, 'package', 'bin', 'run.js')
    // Stands for what `npm install` of the package brings along.
    await symlink(join(ROOT, 'node_modules'), join(folder, 'package', 'node_modules'))
  })
  after(async () => rm(folder, { recursive: true }))

  it('works outside the checkout, its chart included', async () => {
    const [helm] = await helmBinaries()
    const options = { cwd: folder, env: { K8SFLOW_HELM: helm?.path ?? 'helm' }, stdin: 'ignore' } as const
    await execa(process.execPath, [bin, 'values', '-c', 'it', '-p', 'app2', '-e', 'staging'], options)
    const valid = await execa(process.execPath, [bin, 'validate', 'app2-staging.yml'], options)
    expect(valid.stdout).to.include('is valid')
    const { stdout } = await execa(process.execPath, [bin, 'render', 'app2-staging.yml'], options)
    expect(stdout).to.include('kind: Deployment').and.to.include('name: app2-it')
  })

  it('names the nearest command, through the hook that travels with it', async () => {
    const { exitCode, stderr } = await execa(process.execPath, [bin, 'depoly'], {
      reject: false,
      stdin: 'ignore',
    })
    expect(exitCode).to.equal(2)
    expect(stderr).to.include('k8sflow deploy')
  })

  it('holds what the log exporter is built from, and not its tests', async () => {
    const exporter = join('samples', 'log-exporter')
    const packed = (await readdir(join(folder, 'package', exporter))).sort()
    const all = (await readdir(join(ROOT, exporter))).sort()
    const tests = all.filter((name) => name.endsWith('_test.go') || name === 'testdata')
    expect(tests).to.have.length.above(1)
    // npm takes no .gitignore along, and bin is what README.md's go build makes.
    const others = [...tests, '.gitignore', 'bin']
    expect(packed).to.deep.equal(all.filter((name) => !others.includes(name)))
  })
})
