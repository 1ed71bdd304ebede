import { expect } from 'chai'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'

import {
  type AuthorityOptions,
  certificatePem,
  issue,
  type Issued,
  type IssueOptions,
  makeAuthority,
  makeKeys,
  privateKeyPem,
  readCertificate,
  readPrivateKey,
} from '../../../src/pki/certificates.js'

const DAY = 24 * 60 * 60 * 1000
const fromNow = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY)
const authority = (more: Partial<AuthorityOptions> = {}) =>
  makeAuthority({ commonName: 'test CA', notBefore: fromNow(-1), notAfter: fromNow(10), ...more })
const server = (ca: Issued, name: string, more: Partial<IssueOptions> = {}) =>
  issue({
    authority: ca,
    commonName: name,
    dnsNames: [name],
    use: 'server',
    notBefore: fromNow(-1),
    notAfter: fromNow(5),
    ...more,
  })
const node = ({ certificate }: Issued) => new X509Certificate(certificatePem(certificate))

/** What a client that trusts `ca` makes of a server with that certificate: undefined, or what it is told. */
async function refusal(ca: Issued, served: Issued, host: string): Promise<string | undefined> {
  const listening = createServer({
    cert: certificatePem(served.certificate),
    key: privateKeyPem(served.keys),
  }).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const { port } = listening.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', servername: host, ca: certificatePem(ca.certificate) })
  try {
    await once(client, 'secureConnect')
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Node has no code for some of OpenSSL's.
    return code === 'UNSPECIFIED' ? message : code
  } finally {
    client.destroy()
    listening.close()
  }
}

describe('certificates', () => {
  it('are accepted by a TLS client that trusts the authority, for the name they hold', async () => {
    const ca = await authority()
    const issued = await server(ca, 'app1-it.info')
    expect(await refusal(ca, issued, 'app1-it.info')).to.equal(undefined)
    expect(await refusal(ca, issued, 'app2-it.info')).to.equal('ERR_TLS_CERT_ALTNAME_INVALID')
    // Another authority of the same name.
    expect(await refusal(await authority(), issued, 'app1-it.info')).to.match(/UNABLE_TO|CERT_SIGNATURE/)
  })

  it('hold what they were made with, and nothing a leaf must not have', async () => {
    const ca = await authority({ commonName: 'CA, with "quotes" = +' })
    const leaf = await server(ca, 'app1-it.info', { dnsNames: ['app1-it.info', 'app1-es.info'] })
    const [root, issued] = [node(ca), node(leaf)]
    expect([root.ca, issued.ca]).to.deep.equal([true, false])
    expect(issued.checkIssued(root)).to.equal(true)
    expect(issued.verify(root.publicKey)).to.equal(true)
    expect(root.subject).to.equal('CN=CA\\, with \\"quotes\\" = \\+')
    expect(issued.issuer).to.equal(root.subject)
    expect(issued.subjectAltName).to.equal('DNS:app1-it.info, DNS:app1-es.info')
    expect(issued.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.1'])
    expect(new Date(issued.validFrom)).to.deep.equal(fromNow(-1))
    expect(new Date(issued.validTo)).to.deep.equal(fromNow(5))
    expect(issued.publicKey.asymmetricKeyDetails).to.deep.equal({ namedCurve: 'prime256v1' })
  })

  it('are for servers or for clients, as asked', async () => {
    const ca = await authority()
    const client = await server(ca, 'anna', { use: 'client', dnsNames: [] })
    expect(node(client).keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.2'])
    expect(node(client).subjectAltName).to.equal(undefined)
    expect(await refusal(ca, await server(ca, 'a.info', { use: 'client' }), 'a.info')).to.equal(
      'INVALID_PURPOSE',
    )
    const serversOnly = await authority({ use: 'server' })
    expect(await refusal(serversOnly, await server(serversOnly, 'a.info'), 'a.info')).to.equal(undefined)
    const clientsOnly = await authority({ use: 'client' })
    expect(await refusal(clientsOnly, await server(clientsOnly, 'a.info'), 'a.info')).to.equal(
      'INVALID_PURPOSE',
    )
  })

  it('are refused outside of the domains their authority is constrained to', async () => {
    const ca = await authority({ use: 'server', domains: ['info', 'home.arpa'] })
    for (const name of ['app1-it.info', 'nas.home.arpa'])
      expect(await refusal(ca, await server(ca, name), name)).to.equal(undefined)
    for (const name of ['bank.example', 'myinfo', 'home.arpa.example'])
      expect(await refusal(ca, await server(ca, name), name), name).to.equal('permitted subtree violation')
  })

  it('have random serial numbers, positive and of 16 bytes', async () => {
    const ca = await authority()
    const leaves = await Promise.all(Array.from({ length: 20 }, () => server(ca, 'a.info')))
    const serials = leaves.map((leaf) => node(leaf).serialNumber)
    expect(new Set(serials)).to.have.property('size', 20)
    for (const serial of serials) expect(serial).to.match(/^[4-7][0-9A-F]{31}$/)
  })

  it('come back from PEM, the keys also with a passphrase', async () => {
    const ca = await authority()
    const pem = certificatePem(ca.certificate)
    expect(certificatePem(readCertificate(`a comment\n${pem}${pem}`))).to.equal(pem)
    expect(() => readCertificate('nothing')).to.throw('no certificate')
    for (const passphrase of [undefined, 'a secret']) {
      const text = privateKeyPem(ca.keys, passphrase)
      expect(text.includes('ENCRYPTED')).to.equal(passphrase !== undefined)
      const again = { certificate: readCertificate(pem), keys: await readPrivateKey(text, passphrase) }
      expect(node(await server(again, 'a.info')).verify(node(ca).publicKey)).to.equal(true)
    }
  })

  it('do not read a key with a wrong passphrase, nor one of another kind', async () => {
    const encrypted = privateKeyPem(await makeKeys(), 'a secret')
    for (const passphrase of [undefined, '', 'another'])
      expect(await readPrivateKey(encrypted, passphrase).catch(() => 'refused')).to.equal('refused')
    expect(await readPrivateKey('no key').catch(() => 'refused')).to.equal('refused')
  })

  it('can be renewed with the keys of before', async () => {
    const keys = await makeKeys()
    const [before, after] = await Promise.all([authority({ keys }), authority({ keys })])
    const leaf = await server(before, 'a.info')
    expect(await refusal(after, leaf, 'a.info')).to.equal(undefined)
  })
})
