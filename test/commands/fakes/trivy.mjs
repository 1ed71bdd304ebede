#!/usr/bin/env node
// A trivy that scans nothing: FAKE_TRIVY names a JSON file that says what it answers.
// { version, log: FILE, images: { "part of a reference or a layout's digest, perhaps with its platform": { report: FILE } | { stderr, exitCode, wait } } }
import { appendFileSync, readFileSync } from 'node:fs'

const { version = '0.74.0', log, images = {} } = JSON.parse(readFileSync(process.env.FAKE_TRIVY, 'utf8'))
const args = process.argv.slice(2)
appendFileSync(log, `${JSON.stringify(args)}\n`)
const after = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)

if (args[0] === 'version') process.stdout.write(JSON.stringify({ Version: version }))
else if (images[args[0]]?.wait) wait()
else if (args[0] === 'convert') convert(JSON.parse(readFileSync(args.at(-1), 'utf8')))
else {
  const input = after('--input')
  const name =
    input === undefined
      ? `${args.at(-1)} ${after('--platform') ?? ''}`
      : readFileSync(`${input}/index.json`, 'utf8')
  const [, answer] = Object.entries(images).find(([part]) => name.includes(part)) ?? []
  if (answer?.wait) wait()
  else if (answer?.report) process.stdout.write(readFileSync(answer.report))
  else {
    process.stderr.write(answer?.stderr ?? `x\tFATAL\tno answer for ${name}\n`)
    process.exitCode = answer?.exitCode ?? 1
  }
}

/** Says that it waits once a signal ends it as trivy would be ended. */
function wait() {
  process.on('SIGINT', () => process.exit(1))
  setTimeout(() => undefined, 60_000)
  appendFileSync(log, `${JSON.stringify(['waiting'])}\n`)
}

function convert(report) {
  const ids = report.Results.flatMap(({ Vulnerabilities = [], Secrets = [] }) => [
    ...Vulnerabilities.map((entry) => entry.VulnerabilityID),
    ...Secrets.map((entry) => entry.RuleID),
  ])
  const run = {
    tool: { driver: { name: 'Trivy' } },
    results: ids.map((ruleId) => ({ ruleId })),
    properties: { imageName: report.ArtifactName },
  }
  process.stdout.write(
    JSON.stringify({ version: '2.1.0', $schema: 'https://example.com/sarif.json', runs: [run] }),
  )
}
