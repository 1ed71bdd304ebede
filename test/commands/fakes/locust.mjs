#!/usr/bin/env node
// A Locust that makes no load: FAKE_LOCUST names a JSON file that says what it prints and how it ends.
// { version, log: FILE, lines: [text or object], stderr, exitCode, waits: until a signal, endsWith: FILE,
// which must be there before it ends then, deaf: to every signal }
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

const {
  version,
  log,
  lines = [],
  stderr,
  exitCode = 0,
  waits,
  endsWith,
  deaf,
} = JSON.parse(readFileSync(process.env.FAKE_LOCUST, 'utf8'))
const args = process.argv.slice(2)

if (args.includes('--version'))
  process.stdout.write(version ?? 'locust 2.47.0 from /somewhere (Python 3.13)\n')
else {
  const targets = JSON.parse(process.env.K8SFLOW_TARGETS)
  const settings = Object.keys(process.env).filter((name) => name.startsWith('LOCUST_'))
  appendFileSync(log, `${JSON.stringify({ args, targets, cwd: process.cwd(), settings })}\n`)
  // Before anything is printed: whoever reads that may send the signal at once.
  if (deaf) {
    for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => print(`deaf to ${name}`))
    setTimeout(() => undefined, 60_000)
  } else if (waits) {
    process.on('SIGTERM', () => {
      setInterval(() => {
        if (endsWith !== undefined && !existsSync(endsWith)) return
        print(end(targets, 5, 0))
        process.exit(0)
      }, 20)
    })
    process.on('SIGINT', () => process.exit(99))
    setTimeout(() => undefined, 60_000)
  } else process.exitCode = exitCode
  // What a Locust in its place would reach.
  if (lines === 'ask') await ask(targets)
  else for (const line of lines) print(line)
  if (stderr) process.stderr.write(stderr)
}

function print(line) {
  process.stdout.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
}

function end(targets, requests, failures) {
  const figures = { requests, failures, p50: 3, p95: 12, p99: 20, max: 21.5 }
  return {
    kind: 'end',
    total: figures,
    targets: Object.fromEntries(targets.map(({ name }) => [name, figures])),
    errors: [],
  }
}

async function ask(targets) {
  const { get } = await import('node:http')
  let failures = 0
  for (const { url, host, ping } of targets) {
    const text = await new Promise((resolve, reject) => {
      get(`${url}/ping`, { headers: host === null ? {} : { host } }, (response) => {
        let body = ''
        response.on('data', (data) => (body += data)).on('end', () => resolve(body))
      }).on('error', reject)
    })
    if (text.trim() !== ping) failures += 1
  }
  print({
    kind: 'second',
    users: targets.length,
    requests: targets.length,
    failures,
    seconds: 1,
    p50: 3,
    p95: 12,
  })
  print(end(targets, targets.length, failures))
}
