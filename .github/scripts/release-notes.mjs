/**
 * Prints the notes of a release out of CHANGELOG.md, before or after its tag is there:
 *
 *     node release-notes.mjs v1.2.3
 *
 * Exits 1 and names everything that stands in its way: package.json has another version, the changelog says nothing
 * about it, or the chart has changed since the release before without a new version of its own (docs/decisions/0008).
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = new URL('../../', import.meta.url)
const tag = process.argv[2] ?? ''
const version = tag.replace(/^v/, '')
const read = (file) => readFileSync(new URL(file, root), 'utf8')

const notes = sectionOf(read('CHANGELOG.md'))
const packaged = JSON.parse(read('package.json')).version
const problems = [
  ...(/^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(tag) ? [] : [`${tag || 'the tag'} is not v and a version`]),
  ...(packaged === version ? [] : [`package.json has version ${packaged}`]),
  ...(notes === '' ? [`CHANGELOG.md has no section [${version}] with text`] : []),
  ...chartProblems(),
]
if (problems.length > 0) {
  process.stderr.write(`${tag} cannot be released:\n${problems.map((text) => `  ${text}\n`).join('')}`)
  process.exitCode = 1
} else {
  process.stdout.write(`${notes}\n`)
}

/** A version of the chart that was released is never another chart later. */
function chartProblems() {
  const before = git('describe', '--tags', '--abbrev=0', '--match=v[0-9]*', `--exclude=${tag}`, 'HEAD')
  if (before === undefined) return []
  const released = parse(git('show', `${before}:helm/Chart.yaml`) ?? '')?.version
  const current = parse(read('helm/Chart.yaml')).version
  if (current !== released || git('diff', '--name-only', before, '--', 'helm') === '') return []
  return [`helm/ has changed since ${before}, but the version in helm/Chart.yaml is still ${current}`]
}

/** What git says, or undefined where it has no answer. */
function git(...argv) {
  try {
    return execFileSync('git', argv, { cwd: fileURLToPath(root), encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return undefined
  }
}

/** The text between the heading of the version and the next one. */
function sectionOf(changelog) {
  const lines = changelog.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`## [${version}]`))
  if (start === -1) return ''
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## '))
  return lines
    .slice(start + 1, length === -1 ? undefined : start + 1 + length)
    .join('\n')
    .trim()
}
