import { expect } from 'chai'

import { InvalidInputError } from '../../../src/errors.js'
import { formatReference, isDigest, parseReference, tagOrDigest } from '../../../src/images/reference.js'

const DIGEST = `sha256:${'a1'.repeat(32)}`

/** What is typed; what it means; how docker shows it (the same as typed unless given). */
const VALID: [text: string, meaning: object, shown?: string][] = [
  ['nginx', { registry: 'docker.io', repository: 'library/nginx' }],
  ['nginx:1.29', { registry: 'docker.io', repository: 'library/nginx', tag: '1.29' }],
  ['hecha00/app1', { registry: 'docker.io', repository: 'hecha00/app1' }],
  ['docker.io/nginx', { registry: 'docker.io', repository: 'library/nginx' }, 'nginx'],
  ['docker.io/library/nginx:1', { registry: 'docker.io', repository: 'library/nginx', tag: '1' }, 'nginx:1'],
  ['index.docker.io/a/b', { registry: 'docker.io', repository: 'a/b' }, 'a/b'],
  ['library/nginx', { registry: 'docker.io', repository: 'library/nginx' }, 'nginx'],
  ['localhost/app1:x', { registry: 'localhost', repository: 'app1', tag: 'x' }],
  ['127.0.0.1:5000/app1', { registry: '127.0.0.1:5000', repository: 'app1' }],
  ['[::1]:5000/app1:a', { registry: '[::1]:5000', repository: 'app1', tag: 'a' }],
  ['Registry/app1', { registry: 'Registry', repository: 'app1' }],
  ['ghcr.io/a/b/c-d__e.f:v1', { registry: 'ghcr.io', repository: 'a/b/c-d__e.f', tag: 'v1' }],
  [`a/b@${DIGEST}`, { registry: 'docker.io', repository: 'a/b', digest: DIGEST }],
  [`r.io:5/a:t@${DIGEST}`, { registry: 'r.io:5', repository: 'a', tag: 't', digest: DIGEST }],
]
const INVALID: [text: string, why: string][] = [
  ['', 'not the name of a repository'],
  ['Nginx', 'no capital letters'],
  ['a/B:1', 'no capital letters'],
  ['a:', 'not a tag'],
  ['a:-x', 'not a tag'],
  [`a:${'x'.repeat(129)}`, 'not a tag'],
  ['a@sha256:abc', 'not a digest'],
  [`a@md5:${'a'.repeat(32)}`, 'not a digest'],
  [`a@${DIGEST.toUpperCase()}`, 'not a digest'],
  ['a//b', 'not the name of a repository'],
  ['a___b', 'not the name of a repository'],
  ['-a/b', 'not the name of a repository'],
  ['a b', 'not the name of a repository'],
  ['https://r.io/a', 'not the host of a registry'],
  ['r.io:port/a', 'not the host of a registry'],
  ['a1'.repeat(32), 'ID of an image'],
  [`r.io/${'a'.repeat(251)}`, 'longer than 255'],
]

describe('image references', () => {
  for (const [text, meaning, shown = text] of VALID)
    it(`reads ${text} and shows it as docker does`, () => {
      const reference = parseReference(text)
      expect(reference).to.deep.equal(meaning)
      expect(formatReference(reference)).to.equal(shown)
      expect(parseReference(shown)).to.deep.equal(meaning)
    })

  for (const [text, why] of INVALID)
    it(`refuses ${JSON.stringify(text.slice(0, 40))}: ${why}`, () => {
      expect(() => parseReference(text)).to.throw(InvalidInputError, why)
    })

  it('names the spelling without capitals', () => {
    expect(() => parseReference('r.io/App1:1'))
      .to.throw(InvalidInputError)
      .with.property('suggestions')
      .that.deep.equals(['Did you mean r.io/app1:1?'])
  })

  it('keeps the host where the path alone would be read as one', () => {
    const reference = { registry: 'docker.io', repository: 'my.org/app1' }
    expect(formatReference(reference)).to.equal('docker.io/my.org/app1')
    expect(parseReference('docker.io/my.org/app1')).to.deep.equal(reference)
  })

  it('asks for the digest before the tag before latest', () => {
    expect(tagOrDigest({ tag: '1', digest: DIGEST })).to.equal(DIGEST)
    expect(tagOrDigest({ tag: '1' })).to.equal('1')
    expect(tagOrDigest({})).to.equal('latest')
  })

  it('knows digests', () => {
    expect(isDigest(`sha512:${'0'.repeat(128)}`)).to.equal(true)
    for (const text of [
      '',
      'sha256',
      `sha256:${'g'.repeat(64)}`,
      `toString:${'a'.repeat(64)}`,
      `${DIGEST}:a`,
    ])
      expect(isDigest(text), text).to.equal(false)
  })
})
