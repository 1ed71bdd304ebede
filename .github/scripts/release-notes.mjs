/**
 * Prints the notes of a release out of CHANGELOG.md:
 *
 *     node release-notes.mjs v1.2.3
 *
 * Exits 1 and names every difference when package.json and the chart have another version than the tag, or when the
 * changelog says nothing about it.
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const tag = process.argv[2] ?? ''
const version = tag.replace(/^v/, '')
const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')

const notes = sectionOf(read('CHANGELOG.md'))
const problems = [
  ...(/^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(tag) ? [] : [`${tag || 'the tag'} is not v and a version`]),
  ...differences('package.json', JSON.parse(read('package.json')).version),
  ...differences('helm/Chart.yaml', parse(read('helm/Chart.yaml')).version),
  ...(notes === '' ? [`CHANGELOG.md has no section [${version}] with text`] : []),
]
if (problems.length > 0) {
  process.stderr.write(`${tag} cannot be released:\n${problems.map((text) => `  ${text}\n`).join('')}`)
  process.exitCode = 1
} else {
  process.stdout.write(`${notes}\n`)
}

function differences(file, found) {
  return found === version ? [] : [`${file} has version ${found}`]
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
