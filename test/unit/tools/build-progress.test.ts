import { expect } from 'chai'

import type { ProgressEvent } from '../../../src/progress.js'
import { buildProgress } from '../../../src/tools/build-progress.js'
import { replay, toldBy } from './buildx-lines.js'

const BASE = 'base image localhost:5000/nginx-base:1@sha256:63408166890d…'
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

/** A reader that is given lines written here, as BuildKit would. */
function reading(targets: readonly string[] = ['app1', 'app2']) {
  const events: ProgressEvent[] = []
  const reader = buildProgress(targets, (event) => events.push(event))
  const line = (status: object) => reader.take(JSON.stringify(status))
  const vertex = (digest: string, name: string, more: object = {}) =>
    line({ vertexes: [{ digest, name, ...more }] })
  const log = (digest: string, data: string | Buffer) =>
    line({ logs: [{ vertex: digest, data: base64(data) }] })
  return { reader, line, vertex, log, told: () => events.map(toldBy) }
}
const AT = '2026-11-24T12:00:00Z'
const BEGUN = { started: AT }
const DONE = { started: AT, completed: AT }

describe('the progress of a build', () => {
  it('tells the steps of both apps, once for all platforms', async () => {
    const { told, reader } = await replay('cold')
    expect(told).to.deep.equal([
      `start ${BASE}`,
      `done ${BASE}`,
      'done app2 2/2 COPY index.html /srv/www/',
      'done app1 2/2 COPY index.html /srv/www/',
      'done app1 image exported',
      'done app2 image exported',
    ])
    expect([reader.failedSteps(), reader.text(), reader.pushed()]).to.deep.equal([[], [], []])
  })

  it('says what came from the cache', async () => {
    const { told } = await replay('cached')
    expect(told).to.include.members([
      'done app1 2/2 COPY index.html /srv/www/ (cached)',
      'done app2 2/2 COPY index.html /srv/www/ (cached)',
    ])
    expect(told.filter((text) => /exported.*cached|base.*cached/.test(text))).to.deep.equal([])
  })

  it('gives steps to the only app there is, whose name buildx leaves out', async () => {
    expect((await replay('single', ['app2'])).told).to.deep.equal([
      `start ${BASE}`,
      `done ${BASE}`,
      'done app2 2/2 COPY index.html /srv/www/ (cached)',
      'done app2 image exported',
    ])
  })

  it('tells what is in the registry, and keeps the names', async () => {
    const { told, reader } = await replay('push')
    const names = ['localhost:5000/home/app2:1.0.0', 'localhost:5000/home/app1:1.0.0']
    expect(told).to.include.members([`done app2 pushed ${names[0]!}`, `done app1 pushed ${names[1]!}`])
    expect(told.filter((text) => text.includes('exported'))).to.deep.equal([])
    expect(reader.pushed()).to.deep.equal(names)
    expect((await replay('push-refused')).reader.pushed()).to.deep.equal([])
  })

  it('tells the same of an engine that pushes in a step of its own', async () => {
    const { told, reader } = await replay('push-classic')
    const names = ['app1:1', 'app2:1', 'app1:2', 'app2:2'].map((name) => `localhost:5000/classic/${name}`)
    expect(told.slice(-4)).to.deep.equal(
      names.map((name) => `done ${name.includes('app1') ? 'app1' : 'app2'} pushed ${name}`),
    )
    expect(reader.pushed()).to.deep.equal(names)
    const refused = await replay('push-classic-refused')
    expect(refused.told.slice(-2)).to.deep.equal(
      ['app1', 'app2'].map((app) => `failed ${app} localhost:1/classic/${app}:1 not pushed`),
    )
    expect(refused.reader.pushed()).to.deep.equal([])
  })

  it('keeps the output of a step that fails', async () => {
    const { told, reader } = await replay('run-fails')
    const step = '3/3 RUN --network=none echo "some output"; echo "and its error" >&2; false'
    expect(told.filter((text) => text.includes('RUN'))).to.deep.equal([
      `start app2 ${step}`,
      `failed app2 ${step}`,
    ])
    const [failed, ...more] = reader.failedSteps()
    expect(failed)
      .to.include({ app: 'app2', name: step })
      .and.property('error')
      .match(/exit code: 1$/)
    expect([failed!.output, more]).to.deep.equal([['some output', 'and its error'], []])
    expect(reader.text()).to.include(
      '   4 | >>> RUN --network=none echo "some output"; echo "and its error" >&2; false',
    )
    expect(reader.text().at(-1)).to.match(/^ERROR: target app2: failed to solve: process /)
  })

  it('says for which platform a step fails, where only one does', async () => {
    expect((await replay('emulator')).reader.failedSteps())
      .to.have.lengthOf(1)
      .and.property('0')
      .include({
        app: 'app2',
        name: 'linux/arm64 3/3 RUN --network=none true',
      })
  })

  it('tells a failure once for all platforms', async () => {
    const { told, reader } = await replay('copy-fails')
    expect(told.filter((text) => text.startsWith('failed'))).to.deep.equal([
      'failed app1 2/2 COPY nothing.html /srv/www/',
    ])
    expect(reader.failedSteps().map(({ name }) => name)).to.have.members([
      'linux/amd64 2/2 COPY nothing.html /srv/www/',
      'linux/arm64 2/2 COPY nothing.html /srv/www/',
    ])
    const base = await replay('base-not-found')
    expect(base.told).to.deep.equal([
      'start base image localhost:5000/nothing:1',
      'failed base image localhost:5000/nothing:1',
    ])
  })

  it('does not blame what was stopped because of something else', async () => {
    for (const name of ['copy-fails', 'run-fails', 'emulator', 'interrupted']) {
      const { told, reader } = await replay(name)
      const all = [...told, ...reader.failedSteps().map((step) => `failed ${step.name}`)]
      expect(
        all.filter((text) => /^failed.*export|^failed.*again/.test(text)),
        name,
      ).to.deep.equal([])
    }
    expect((await replay('push-refused')).told.slice(-2)).to.deep.equal([
      'failed app1 image not exported',
      'failed app2 image not exported',
    ])
  })

  it('hands on what the Dockerfile is warned of, once', async () => {
    expect((await replay('warnings')).told.filter((text) => text.startsWith('warning'))).to.deep.equal([
      "warning app1 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase) (line 2)",
      'warning app1 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (line 4)',
    ])
  })

  it('keeps what is no JSON', () => {
    const { reader, told } = reading()
    for (const text of ['WARN: something', '{ no JSON', '']) reader.take(text)
    expect([reader.text(), told()]).to.deep.equal([['WARN: something', '{ no JSON', ''], []])
  })

  it('takes lines apart that hold several things at once', () => {
    const { line, told } = reading()
    line({})
    line({
      vertexes: [
        { digest: 'a', name: '[app1 2/2] COPY a b', ...DONE },
        { digest: 'b', name: '[app2 2/2] COPY a b', ...DONE, cached: true },
      ],
      statuses: [{ id: 'pushing layers', completed: AT }],
    })
    expect(told()).to.deep.equal(['done app1 2/2 COPY a b', 'done app2 2/2 COPY a b (cached)'])
  })

  it('waits for the slowest platform, and does not wait for what never begins', () => {
    const { vertex, told } = reading()
    for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v7'])
      vertex(platform, `[app1 ${platform} 2/2] RUN make`)
    vertex('linux/amd64', '[app1 linux/amd64 2/2] RUN make', BEGUN)
    vertex('linux/arm64', '[app1 linux/arm64 2/2] RUN make', BEGUN)
    vertex('linux/amd64', '[app1 linux/amd64 2/2] RUN make', { ...DONE, cached: true })
    expect(told()).to.deep.equal(['start app1 2/2 RUN make'])
    vertex('linux/arm64', '[app1 linux/arm64 2/2] RUN make', DONE)
    expect(told()).to.deep.equal(['start app1 2/2 RUN make', 'done app1 2/2 RUN make'])
  })

  it('names stages, and folds instructions of several lines', () => {
    const { vertex, told } = reading()
    vertex('a', '[app1 linux/amd64 build 2/3] RUN a && \\\n    b', DONE)
    vertex('b', '[app1 stage-1 3/3] COPY --from=build /x /y', DONE)
    vertex('c', '[app1 linux/amd64->arm64 build 3/3] RUN go build', DONE)
    vertex('d', '[app1 stage-1 1/3] FROM nginx', DONE)
    vertex('e', '[app1 auth] library/nginx:pull token for registry', DONE)
    vertex('f', '[app1] exporting cache to registry', DONE)
    expect(told()).to.deep.equal([
      'done app1 build 2/3 RUN a && \\ b',
      'done app1 3/3 COPY --from=build /x /y',
      'done app1 build 3/3 RUN go build',
      'done app1 exporting cache to registry',
    ])
  })

  it('shows output as a terminal would in the end, whole characters and no more of it than there is room for', () => {
    const { vertex, log, reader } = reading()
    vertex('a', '[app1 2/2] RUN x', BEGUN)
    const euro = Buffer.from('5 €\n')
    log('a', euro.subarray(0, 3))
    log('a', euro.subarray(3))
    log('a', '10%\r50%\r100%\r\n\u001b[31mred\u001b[0m \u0007\n\n')
    for (let count = 0; count < 5; count += 1) log('a', 'x'.repeat(1024 * 1024))
    vertex('a', '[app1 2/2] RUN x', { ...DONE, error: 'exit code: 1' })
    const [failed] = reader.failedSteps()
    expect(failed!.output.slice(0, 4)).to.deep.equal(['5 €', '100%', 'red �', ''])
    expect(failed!.output.join('\n').length).to.be.within(3_000_000, 4_200_000)
  })

  it('keeps the output of steps apart that print at once', () => {
    const { vertex, log, reader } = reading()
    for (const app of ['app1', 'app2']) vertex(app, `[${app} 2/2] RUN x`, BEGUN)
    for (const text of ['1\n', '2\n']) for (const app of ['app1', 'app2']) log(app, `${app} ${text}`)
    vertex('app2', '[app2 2/2] RUN x', { ...DONE, error: 'exit code: 1' })
    expect(reader.failedSteps().map(({ output }) => output)).to.deep.equal([['app2 1', 'app2 2']])
  })
})
