import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { globSync } from 'tinyglobby'

import { ROOT } from '../harness.js'

/** A link of a page to another place of this repository. */
export interface PageLink {
  /** `docs/network.md:26` */
  place: string
  /** As written: `tls.md#renewal`. */
  target: string
}

/** All pages that people read. */
export function pages(): string[] {
  return globSync(['*.md', 'docs/**/*.md', 'samples/*/README.md', 'helm/README.md'], { cwd: ROOT }).sort()
}

/** The links of a page that do not leave the repository; code is no link. */
export function relativeLinks(page: string, text: string): PageLink[] {
  return prose(text).flatMap(({ line, number }) =>
    [...line.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)/g)]
      .map(([, target = '']) => ({ place: `${page}:${String(number)}`, target }))
      .filter(({ target }) => !/^[a-z][a-z+.-]*:/i.test(target)),
  )
}

/** What is wrong with a link of a page; undefined where it leads somewhere. */
export function brokenLink(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), decodeURIComponent(path)))
  if (file.startsWith('..') || !existsSync(join(ROOT, file))) return `there is no ${file}`
  if (anchor === undefined || !file.endsWith('.md')) return undefined
  return anchors(readFileSync(join(ROOT, file), 'utf8')).includes(anchor)
    ? undefined
    : `${file} has no heading #${anchor}`
}

/** The anchors GitHub makes of a page's headings. */
export function anchors(text: string): string[] {
  const seen = new Map<string, number>()
  return prose(text)
    .flatMap(({ whole }) => /^#{1,6}\s+(.*?)\s*#*$/.exec(whole)?.[1] ?? [])
    .map((heading) => {
      const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
      const anchor = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
      const before = seen.get(anchor) ?? 0
      seen.set(anchor, before + 1)
      return before === 0 ? anchor : `${anchor}-${String(before)}`
    })
}

/** Lines outside of fenced blocks: `whole`, and without what is code. */
function prose(text: string): { line: string; whole: string; number: number }[] {
  let fenced = false
  return text.split('\n').flatMap((whole, index) => {
    if (/^\s*(```|~~~)/.test(whole)) {
      fenced = !fenced
      return []
    }
    return fenced ? [] : [{ whole, line: whole.replaceAll(/`[^`]*`/g, ''), number: index + 1 }]
  })
}
