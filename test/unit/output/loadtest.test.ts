import { expect } from 'chai'

import { loadtestReport } from '../../../src/output/loadtest-report.js'
import { loadtestText } from '../../../src/output/loadtest-text.js'
import { clock, loadtestView, percent } from '../../../src/output/loadtest-view.js'
import type { LoadtestResult } from '../../../src/services/loadtest-result.js'
import type { LoadtestState } from '../../../src/services/loadtest-run.js'

const figures = { requests: 200, failures: 3, p50: 5, p95: 80, p99: 90, max: 95 }

function resultOf(countries: number): LoadtestResult {
  const names = Array.from({ length: countries }, (_, index) => `app1-a${String.fromCharCode(97 + index)}`)
  return {
    ...{ context: 'pi', via: 'ingress', address: 'http://pi', users: 5, spawnRate: 1, duration: 10 },
    ...{
      startedAt: '2026-11-24T15:30:00.000Z',
      load: { from: 1, to: 11 },
      end: 30,
      interrupted: false,
      dryRun: false,
    },
    ...{ locust: '2.47.0', command: 'locust', report: 'r.html', warnings: ['<b>warned</b>'] },
    apps: names.map((name) => ({
      ...{
        name,
        app: 'app1',
        country: name.slice(5),
        environment: 'staging',
        host: `${name}.info`,
        ...figures,
      },
      ...{
        minReplicas: 1,
        maxReplicas: 10,
        targetCpu: 80,
        replicas: { before: 1, most: 3, after: 1 },
        mostCpu: 190,
      },
    })),
    total: { ...figures, requestsPerSecond: 20 },
    errors: [{ request: `${names[0] ?? ''} /ping`, message: '<script>alert(1)</script>\u001b[2J', count: 3 }],
    limits: [{ flag: '--max-p95', limit: '79 ms', actual: '80 ms', broken: true }],
    points: [1, 2, 3].map((t) => ({
      t,
      users: 5,
      requestsPerSecond: 20,
      failuresPerSecond: 1,
      p50: 5,
      p95: t === 2 ? null : 80,
    })),
    samples: [0, 10, 20].map((t) => ({
      t,
      apps: names.map((name) => ({
        name,
        replicas: t === 10 ? 3 : 1,
        ready: 1,
        cpu: t === 0 ? null : 190,
        cpuMillicores: 1,
      })),
    })),
  }
}

describe('what a load test shows', () => {
  it('is one HTML file without scripts, with a picture that has a name and a description', () => {
    const html = loadtestReport(resultOf(2))
    expect(html).not.to.match(/<script|<link|<img|@import|url\((?!#)|\u001b/)
    expect(html).to.include('&lt;script&gt;alert(1)&lt;/script&gt;').and.include('&lt;b&gt;warned')
    expect(html).to.include(`content="default-src 'none'; style-src 'unsafe-inline'"`)
    expect(html).to.match(
      /<svg [^>]*viewBox="[^>]*role="img" aria-labelledby="picture-title" aria-describedby="picture-desc"><title id="picture-title">/,
    )
    expect(html).to.include('app1-aa: replicas 1 before, 3 at most, 1 at the end, CPU up to 190 % of 80 %.')
    const words = [...html.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text)
    for (const word of [
      'Load',
      'Latency',
      'Replicas',
      'under load',
      'target 80 %',
      'failures/s',
      'p95',
      'app1-ab',
      '0:30',
    ])
      expect(words).to.include(word)
  })

  it('has a line for each app and country, or for many of them one for each app', () => {
    expect(loadtestReport(resultOf(8))).to.include('>app1-ah<')
    const many = /<svg[^]*<\/svg>/.exec(loadtestReport(resultOf(9)))?.[0]
    expect(many).to.include('>app1, 9 countries<').and.not.include('>app1-ai<')
  })

  it('is drawn also of a test that was cut off at once', () => {
    const empty = {
      ...resultOf(1),
      load: null,
      end: 0,
      points: [],
      samples: [],
      total: null,
      startedAt: null,
    }
    expect(loadtestReport(empty)).to.include('</svg>')
  })

  it('is a table on stdout', async () => {
    const text = await loadtestText(resultOf(2))
    expect(text).to.match(/^5 users for 0:10 through the ingress at http:\/\/pi: 20 requests\/s\n\nAPP /)
    expect(text).to.include('✗ app1-aa /ping: <script>alert(1)</script>�[2J (3 times)')
    expect(text).to.match(/\nall +200 +3 \(1\.5 %\) +5 ms +80 ms +90 ms\n/)
    expect(text).to.match(/1 → 3 → 1 +190% of 80%/)
    expect([clock(0), clock(125.9), percent(1, 3000), percent(1, 3), percent(0, 0)]).to.deep.equal([
      ...['0:00', '2:05', '< 0.1 %', '33.3 %', '0 %'],
    ])
  })
})

describe('the view of a running load test', () => {
  const state = (more: Partial<LoadtestState> = {}): LoadtestState => ({
    ...{ phase: 'load', elapsed: 3, length: 60, requests: 100, failures: 1, targets: [] },
    point: { t: 3, users: 5, requestsPerSecond: 20, failuresPerSecond: 1, p50: 5, p95: 80.4 },
    apps: [
      { name: 'app1-it', replicas: 2, ready: 1, cpu: 120, cpuMillicores: 20 },
      { name: 'app1-es', replicas: 1, ready: 1, cpu: null, cpuMillicores: 4 },
    ],
    ...more,
  })
  const view = (isTTY: boolean, environment: NodeJS.ProcessEnv = {}) => {
    const written: string[] = []
    const told: string[] = []
    const screen = { isTTY, columns: 60, rows: 20, write: (text: string) => written.push(text) }
    const made = loadtestView(screen, (event) => event.kind === 'step' && told.push(event.text), environment)
    return { ...made, written, told }
  }

  it('is redrawn in its place at a terminal, cut to its width, and makes room for other lines', () => {
    const { onState, progress, onInterrupt, written, told } = view(true)
    onState(state())
    expect(written).to.have.length(1)
    expect(written[0]).to.match(/^load 0:03 of 1:00 {2}5 users {2}20 requests\/s {2}p95 80 ms {2}1 fa/)
    expect(written[0])
      .to.include('  app1-it  1/2 pods  CPU 120%\n')
      .and.include('  app1-es  1/1 pods  CPU 4m\n')
    expect(written[0]?.split('\n').every((line) => line.length < 60)).to.equal(true)
    onState(state())
    // From the line's start, whatever the terminal echoed there: ^C, for one.
    expect(written.slice(1)).to.deep.equal([`\r\u001b[3A\u001b[J${written[0] ?? ''}`])
    onInterrupt(1, 'SIGINT')
    expect(written.at(-1)).to.equal('\r\u001b[3A\u001b[J')
    expect(told.join()).to.include('then the report is written')
    progress({ kind: 'step', state: 'note', text: 'more' })
    expect(written).to.have.length(3)
  })

  it('keeps the apps in one order, and where there are too many shows those that scaled most', () => {
    const { onState, written } = view(true)
    const app = (country: string, replicas: number) => ({
      ...{ name: `app1-${country}`, replicas, ready: 1, cpu: 100 * replicas, cpuMillicores: 20 },
    })
    onState(state({ apps: [app('it', 1), app('es', 2)] }))
    expect(written[0]?.match(/app1-../g)).to.deep.equal(['app1-it', 'app1-es'])
    const many = ['aa', 'ab', 'ac', 'ad', 'ae', 'af', 'ag', 'ah', 'ai', 'aj'].map((country) =>
      app(country, 1),
    )
    onState(state({ apps: [...many, app('ak', 3), app('al', 2)] }))
    expect(written[1]?.match(/app1-../g)?.slice(-2)).to.deep.equal(['app1-ak', 'app1-al'])
    expect(written[1]).to.include('  and 2 more\n')
  })

  it('promises no report before there is any load', () => {
    const { onInterrupt, told } = view(true)
    onInterrupt(1, 'SIGINT')
    expect(told).to.deep.equal(['interrupted: no load is made'])
  })

  it('is a line now and then elsewhere', () => {
    for (const { onState, written, told } of [
      view(false),
      view(true, { CI: 'true' }),
      view(true, { TERM: 'dumb' }),
    ]) {
      for (let elapsed = 0; elapsed < 40; elapsed++) onState(state({ elapsed }))
      onState(state({ phase: 'scale-down', elapsed: 0, length: 60 }))
      expect(written).to.deep.equal([])
      expect(told.map((text) => text.slice(0, 22))).to.deep.equal([
        ...[
          'load 0:00 of 1:00  5 u',
          'load 0:15 of 1:00  5 u',
          'load 0:30 of 1:00  5 u',
          'watching the scale-dow',
        ],
      ])
    }
  })
})
