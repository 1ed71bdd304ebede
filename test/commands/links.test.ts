import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { anchors, brokenLink, pages, relativeLinks } from './documented/links.js'
import { ROOT } from './harness.js'

describe('the links of README.md, CONTRIBUTING.md and docs/', () => {
  const links = pages().flatMap((page) =>
    relativeLinks(page, readFileSync(join(ROOT, page), 'utf8')).map((link) => ({ page, ...link })),
  )

  it('lead to files and headings that exist', () => {
    expect(links.map(({ page }) => page)).to.include.members(['README.md', 'docs/network.md'])
    const broken = links.flatMap(({ page, place, target }) => {
      const problem = brokenLink(page, target)
      return problem === undefined ? [] : [`${place}: ${target}: ${problem}`]
    })
    expect(broken).to.deep.equal([])
  })

  it('are found, and those that lead nowhere with them', () => {
    const text = [
      '[a](docs/tls.md) `[b](c.md)` [w](https://example.org)',
      '```',
      '[d](e.md)',
      '```',
      '[f](#g)',
    ]
    expect(relativeLinks('page.md', text.join('\n'))).to.deep.equal([
      { place: 'page.md:1', target: 'docs/tls.md' },
      { place: 'page.md:5', target: '#g' },
    ])
    expect(brokenLink('docs/network.md', 'tsl.md')).to.equal('there is no docs/tsl.md')
    expect(brokenLink('docs/network.md', '#nowhere')).to.equal('docs/network.md has no heading #nowhere')
    expect(brokenLink('docs/network.md', 'tls.md')).to.equal(undefined)
  })

  it('name headings as GitHub does', () => {
    const text = [
      '# Three tiers, at `home`',
      '## What is [tested](x.md)',
      '```',
      '# no',
      '```',
      '## Same',
      '## Same',
    ]
    expect(anchors(text.join('\n'))).to.deep.equal([
      'three-tiers-at-home',
      'what-is-tested',
      'same',
      'same-1',
    ])
  })

  it('lead from README.md to every page of docs/', () => {
    const named = links.filter(({ page }) => page === 'README.md').map(({ target }) => target)
    expect(named).to.include.members(pages().filter((page) => /^docs\/[^/]+\.md$/.test(page)))
  })
})
