import { expect } from 'chai'
import { execa } from 'execa'

import { makeAuthority } from '../../../src/pki/certificates.js'
import { readRevocationList, revocationListPem } from '../../../src/pki/revocations.js'

const NOW = new Date('2026-11-24T12:00:00Z')
const END = new Date('2052-01-02T03:04:05Z')

describe('revocation lists', () => {
  const make = async (number: number, serials: string[]) =>
    revocationListPem({
      authority: await makeAuthority({ commonName: 'test', notBefore: NOW, notAfter: END }),
      number,
      thisUpdate: NOW,
      nextUpdate: END,
      revoked: serials.map((serial) => ({ serial, date: NOW })),
    })

  // From 128 on, and at every further byte, a number that was not written with care is negative.
  for (const number of [1, 127, 128, 255, 256, 32_768, 70_000])
    it(`has number ${String(number)}, for openssl, too`, async () => {
      const pem = await make(number, [])
      expect(readRevocationList(pem)).to.deep.equal({ number, nextUpdate: END, serials: [] })
      const { stdout } = await execa('openssl', ['crl', '-noout', '-text'], { input: pem })
      expect(stdout)
        .to.match(new RegExp(`CRL Number:\\s+${String(number)}\\n`))
        .and.include('No Revoked')
    })

  it('names certificates by their serial numbers', async () => {
    const serials = ['40ee6cd26b3445487e7e3f78324ba6a7', '7f00000000000000000000000000000a']
    const pem = await make(2, serials)
    expect(pem).to.match(/^-----BEGIN X509 CRL-----\n/)
    expect(readRevocationList(pem).serials).to.deep.equal(serials)
    const { stdout } = await execa('openssl', ['crl', '-noout', '-text'], { input: pem })
    for (const serial of serials) expect(stdout).to.include(`Serial Number: ${serial.toUpperCase()}`)
  })

  it('says that a damaged one is', () => {
    expect(() => readRevocationList('nothing')).to.throw()
  })
})
