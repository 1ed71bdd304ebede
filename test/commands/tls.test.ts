import { expect } from 'chai'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

import TlsCa from '../../src/commands/tls/ca.js'
import TlsIssuers from '../../src/commands/tls/issuers.js'
import TlsSelfSigned from '../../src/commands/tls/self-signed.js'
import TlsStatus from '../../src/commands/tls/status.js'
import Validate from '../../src/commands/validate.js'
import { certificatePem, issue, makeAuthority, privateKeyPem } from '../../src/pki/certificates.js'
import { selfSigned, type SelfSignedResult } from '../../src/services/tls-self-signed.js'
import { tlsStatus } from '../../src/services/tls-status.js'
import { writeKubeconfig } from './fakes/kubeconfig.js'
import { type ObjectStore, startObjectStore, type StoredObject } from './fakes/object-store.js'
import { ROOT, runCommandClass } from './harness.js'

const DAY = 24 * 60 * 60 * 1000
const AUTHORITY = '/api/v1/namespaces/we-road/secrets/k8sflow-ca'
const LEAF = '/api/v1/namespaces/we-road-it/secrets/app1-it-tls'
const OTHER_LEAF = '/api/v1/namespaces/we-road-es/secrets/app2-es-tls'
const later = (days: number) => new Date(Date.now() + days * DAY)

describe('tls', () => {
  let folder: string
  let kubeconfig: string
  let store: ObjectStore

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-tls-'))
    store = await startObjectStore()
    kubeconfig = await writeKubeconfig(folder, store.url)
    put('app1', 'it', 'app1-it-tls')
    put('app2', 'es', 'app2-es-tls')
  })
  afterEach(async () => {
    await store.close()
    await rm(folder, { recursive: true })
  })

  /** A deployed app, its Ingress with TLS if it names a Secret. */
  function put(app: string, country: string, secretName?: string, host = `${app}-${country}.info`): void {
    const namespace = `we-road-${country}`
    store.objects.set(`/apis/apps/v1/namespaces/${namespace}/deployments/${app}-${country}`, {
      metadata: { name: `${app}-${country}`, namespace },
      spec: { replicas: 1, template: { spec: { containers: [{ image: 'x' }] } } },
    })
    store.objects.set(`/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${app}`, {
      metadata: { name: app, namespace },
      spec: {
        rules: [{ host }],
        ...(secretName === undefined ? {} : { tls: [{ hosts: [host], secretName }] }),
      },
    })
  }
  const entry = (path: string, key: string): string =>
    Buffer.from(String((store.objects.get(path) as StoredObject)['data'][key]), 'base64').toString()
  const certificate = (path: string, key = 'tls.crt') => new X509Certificate(entry(path, key))
  const putSecret = (path: string, entries: Record<string, string>, metadata: object = {}) => {
    const [, namespace = '', name = ''] = /namespaces\/(.*)\/secrets\/(.*)/.exec(path) ?? []
    const data = Object.entries(entries).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
    store.objects.set(path, {
      metadata: { name, namespace, ...metadata },
      data: Object.fromEntries(data) as Record<string, string>,
    })
  }
  const run = async (command: Parameters<typeof runCommandClass>[0], ...argv: string[]) =>
    runCommandClass(command, argv, { cwd: folder, env: { KUBECONFIG: kubeconfig } })
  const sign = async (more: Partial<Parameters<typeof selfSigned>[0]> = {}, now?: Date) =>
    selfSigned({ kubeconfig, ...more }, now)
  const changes = ({ authority, certificates }: SelfSignedResult) => [
    authority?.change,
    ...certificates.map(({ change, reason }) => `${change}: ${reason}`),
  ]

  describe('self-signed', () => {
    it('makes an authority and a certificate for every app, once', async () => {
      const { exitCode, stdout, stderr } = await run(TlsSelfSigned)
      expect(exitCode, stderr).to.equal(0)
      expect(stdout)
        .to.match(/we-road\/k8sflow-ca +created/)
        .and.match(/we-road-it\/app1-it-tls +created/)
      expect(store.applied).to.deep.equal(['/api/v1/namespaces/we-road', AUTHORITY, LEAF, OTHER_LEAF])
      const [ca, leaf] = [certificate(AUTHORITY), certificate(LEAF)]
      expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).to.equal(true)
      expect(leaf.checkHost('app1-it.info')).to.equal('app1-it.info')
      expect(entry(LEAF, 'ca.crt')).to.equal(ca.toString())
      expect(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)).to.be.below(398 * DAY)
      const secret = store.objects.get(LEAF)
      expect(secret).to.deep.include({ type: 'kubernetes.io/tls' })
      expect(secret?.metadata.labels).to.deep.equal({
        'app.kubernetes.io/managed-by': 'k8sflow',
        'app.kubernetes.io/part-of': 'we-road',
        'app.kubernetes.io/name': 'app1',
        'k8sflow.io/certificate': 'self-signed',
        'k8sflow.io/country': 'it',
      })
      store.applied.length = 0
      expect(changes(await sign())).to.deep.equal(['unchanged', 'unchanged: good', 'unchanged: good'])
      expect(store.applied).to.deep.equal([])
    })

    it('makes those that were asked for, and shows with --dry-run what it would do', async () => {
      const { stdout } = await run(TlsSelfSigned, '--dry-run', '-c', 'es')
      expect(stdout)
        .to.include('Nothing is changed')
        .and.match(/app2 .*created/)
      expect(stdout).not.to.include('app1')
      expect(store.applied).to.deep.equal([])
      await run(TlsSelfSigned, '-p', 'app1')
      expect(store.applied).to.deep.equal(['/api/v1/namespaces/we-road', AUTHORITY, LEAF])
    })

    it('renews what is short of life, for other hosts, unreadable, or of an authority that is gone', async () => {
      await sign()
      expect(changes(await sign({}, later(260)))).to.deep.equal([
        'unchanged',
        'unchanged: good',
        'unchanged: good',
      ])
      const before = certificate(LEAF).serialNumber
      const old = await sign({ project: ['app1'] }, later(270))
      expect(changes(old)).to.deep.equal(['unchanged', 'renewed: less than a third of its life is left'])
      expect(certificate(LEAF).serialNumber).not.to.equal(before)
      put('app1', 'it', 'app1-it-tls', 'app1-it.home.info')
      expect(changes(await sign({ project: ['app1'] }))[1]).to.equal('renewed: its hosts have changed')
      putSecret(LEAF, { 'tls.crt': 'damaged' }, store.objects.get(LEAF)?.metadata)
      expect(changes(await sign({ project: ['app1'] }))[1]).to.equal('renewed: what is there cannot be read')
      putSecret(
        LEAF,
        { 'tls.crt': entry(LEAF, 'tls.crt'), 'tls.key': entry(OTHER_LEAF, 'tls.key') },
        store.objects.get(LEAF)?.metadata,
      )
      expect(changes(await sign({ project: ['app1'] }))[1]).to.equal('renewed: what is there cannot be read')
      store.objects.delete(AUTHORITY)
      expect(changes(await sign({ project: ['app1'] }))).to.deep.equal([
        'created',
        'renewed: its authority is gone',
      ])
      expect(changes(await sign({ project: ['app1'], renew: true }))[1]).to.equal('renewed: asked for')
    })

    it('renews what is not valid yet, unless its authority is not either, and says that', async () => {
      await sign()
      await sign({ project: ['app1'], renew: true }, later(2))
      expect(changes(await sign())).to.deep.equal([
        'unchanged',
        'renewed: it is not valid yet',
        'unchanged: good',
      ])
      store.objects.delete(AUTHORITY)
      const ahead = await sign({}, later(2))
      expect(ahead.warnings).to.deep.equal([])
      const back = await sign({ renew: true })
      expect(back.warnings.join()).to.include(new Date(certificate(AUTHORITY).validFrom).toISOString())
      expect(certificate(LEAF).validFrom).to.equal(certificate(AUTHORITY).validFrom)
      expect(changes(await sign())[1]).to.equal('unchanged: good')
      expect((await run(TlsStatus)).stdout).to.match(/app1-it\.info +not yet valid/)
    })

    it('makes the next authority long before it signs, and trusts each as long as its leaves live', async () => {
      const first = await sign()
      const [ca] = [entry(AUTHORITY, 'tls.crt')]
      const prepared = await sign({}, later(3650 - 700))
      expect(changes(prepared)[0]).to.equal('successor made')
      expect(prepared.warnings.join()).to.include('trust it within a year')
      expect(prepared.authority).to.deep.include({
        trusted: 2,
        fingerprint: first.authority?.fingerprint,
      })
      expect(certificate(LEAF).checkIssued(new X509Certificate(ca))).to.equal(true)
      expect((await run(TlsCa)).stdout.match(/BEGIN CERTIFICATE/g)).to.have.length(2)
      const next = entry(AUTHORITY, 'next.crt')
      // Nothing more happens until it takes over.
      expect(changes(await sign({}, later(3650 - 500)))[0]).to.equal('unchanged')
      const switched = await sign({ renew: true }, later(3650 - 300))
      expect(changes(switched)[0]).to.equal('successor took over')
      expect(switched.warnings).to.deep.equal([])
      expect(entry(AUTHORITY, 'tls.crt')).to.equal(next)
      expect(entry(AUTHORITY, 'ca.crt')).to.equal(next + ca)
      expect(store.objects.get(AUTHORITY)?.['data']).not.to.have.property('next.key')
      expect(certificate(LEAF).checkIssued(new X509Certificate(next))).to.equal(true)
      // A leaf of the old one is good for as long as that is trusted.
      expect(changes(await sign({}, later(3650 - 299)))).to.deep.equal([
        'unchanged',
        'unchanged: good',
        'unchanged: good',
      ])
      // The old one's end: it is trusted no longer.
      await sign({}, later(3651 + 2500))
      expect(entry(AUTHORITY, 'ca.crt')).not.to.include(ca)
    })

    it('makes a new authority at once where the old one was left to grow too old, and says so', async () => {
      await sign()
      const late = await sign({}, later(3650 - 100))
      expect(changes(late)[0]).to.equal('created')
      expect(late.authority?.trusted).to.equal(2)
      expect(late.warnings.join()).to.include('has to be trusted now')
    })

    it('lets one of two first runs at once make the authority, and both sign with that', async () => {
      // Neither goes on before both have looked for it, and found nothing.
      const waiting: (() => void)[] = []
      store.before = async (request) => {
        if (request !== `GET ${AUTHORITY}` || waiting.length > 1) return
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          if (waiting.length > 1) for (const go of waiting) go()
        })
      }
      const both = await Promise.all([sign(), sign()])
      expect(both.map(({ authority }) => authority?.change).sort()).to.deep.equal(['created', 'unchanged'])
      const ca = certificate(AUTHORITY)
      for (const { authority } of both) expect(authority?.fingerprint).to.equal(ca.fingerprint256)
      for (const path of [LEAF, OTHER_LEAF]) expect(certificate(path).verify(ca.publicKey)).to.equal(true)
      expect(store.applied.filter((path) => path === AUTHORITY)).to.have.length(1)
      expect(changes(await sign())).to.deep.equal(['unchanged', 'unchanged: good', 'unchanged: good'])

      // What the other has made may also be none of ours.
      store.objects.delete(AUTHORITY)
      store.before = async (request) => {
        if (request.startsWith('POST') && request.endsWith('secrets'))
          putSecret(AUTHORITY, { 'tls.crt': 'own' })
        return Promise.resolve()
      }
      const foreign = await run(TlsSelfSigned)
      expect(foreign.exitCode).to.equal(2)
      expect(foreign.stderr).to.include('we-road/k8sflow-ca').and.include('Nothing was changed')
    })

    it('does not overwrite an authority that was changed while it ran', async () => {
      await sign()
      const near = later(3650 - 700)
      let other: string | undefined
      store.before = async (request) => {
        if (request !== `PATCH ${AUTHORITY}` || other !== undefined) return
        other = ''
        await sign({}, near)
        other = entry(AUTHORITY, 'next.crt')
      }
      const late = await sign({ renew: true }, near).catch((error: unknown) => error)
      expect(late).to.include({ code: 'AUTHORITY_CHANGED', exitCode: 1 })
      expect(String(late)).to.include('we-road/k8sflow-ca').and.include('no certificate was made')
      expect(entry(AUTHORITY, 'next.crt')).to.equal(other)
      const again = await sign({}, near)
      expect(again.authority?.change).to.equal('unchanged')

      // Nor is one made again that was deleted meanwhile.
      store.before = async (request) => {
        if (request === `PATCH ${AUTHORITY}`) store.objects.delete(AUTHORITY)
        return Promise.resolve()
      }
      const gone = await sign({}, later(3650 - 300)).catch((error: unknown) => error)
      expect(gone).to.include({ code: 'AUTHORITY_CHANGED' })
      expect(store.objects.has(AUTHORITY)).to.equal(false)
    })

    it('never overwrites what others made, and changes nothing then', async () => {
      putSecret(OTHER_LEAF, { 'tls.crt': 'own' })
      const { exitCode, stderr } = await run(TlsSelfSigned)
      expect(exitCode).to.equal(2)
      expect(stderr).to.include('we-road-es/app2-es-tls').and.include('Nothing was changed')
      expect(store.applied).to.deep.equal([])
      store.objects.delete(OTHER_LEAF)
      putSecret(AUTHORITY, { 'tls.crt': 'own' })
      expect((await run(TlsSelfSigned)).exitCode).to.equal(2)
      store.objects.delete(AUTHORITY)
      store.refused.set(`PATCH ${LEAF}`, { status: 409, message: 'conflict with "kubectl-edit"' })
      const conflict = await run(TlsSelfSigned)
      expect(conflict.exitCode).to.equal(1)
      expect(conflict.stderr).to.include('kubectl-edit').and.include('delete it and run this again')
    })

    it('stops at an authority whose key is not its own', async () => {
      await sign()
      const { metadata } = store.objects.get(AUTHORITY) as StoredObject
      putSecret(
        AUTHORITY,
        { 'tls.crt': entry(AUTHORITY, 'tls.crt'), 'tls.key': entry(LEAF, 'tls.key') },
        metadata,
      )
      const { exitCode, stderr } = await run(TlsSelfSigned)
      expect(exitCode).to.equal(1)
      expect(stderr).to.include('does not hold an authority').and.include('kubectl delete secret -n we-road')
    })

    it("leaves out cert-manager's, those with a Secret of their own, and apps without a host", async () => {
      putSecret(LEAF, {}, { annotations: { 'cert-manager.io/certificate-name': 'app1-it-tls' } })
      put('app2', 'es', 'own')
      put('app1', 'fr')
      store.objects.delete('/apis/networking.k8s.io/v1/namespaces/we-road-fr/ingresses/app1')
      put('app2', 'it')
      const result = await sign()
      expect(changes(result)).to.deep.equal([
        'created',
        'skipped: it has no host',
        'skipped: cert-manager made it and renews it',
        "skipped: its Ingress takes Secret own, which is not k8sflow's",
        'created: there is none',
      ])
      expect(result.notes.join()).to.include('The Ingress of app2/it does not use its certificate yet')
    })

    it('says nothing of an Ingress to an app that has an HTTPRoute, and tells of a certificate that an Ingress leaves unused', async () => {
      const routed = '/apis/networking.k8s.io/v1/namespaces/we-road-it/ingresses/app1'
      store.objects.delete(routed)
      store.objects.set('/apis/gateway.networking.k8s.io/v1/namespaces/we-road-it/httproutes/app1', {
        metadata: { name: 'app1', namespace: 'we-road-it' },
        spec: { hostnames: ['app1-it.info'] },
      })
      put('app2', 'es')
      const signed = await sign()
      expect(signed.certificates.map(({ change }) => change)).to.deep.equal(['created', 'created'])
      expect(signed.notes).to.deep.equal([
        'The Ingress of app2/es does not use its certificate yet: set ingress.tls.enabled and ingress.tls.issuer: none in the values, and deploy.',
      ])
      const status = await tlsStatus({ kubeconfig })
      expect(status.certificates.map(({ state }) => state)).to.deep.equal(['valid', 'valid'])
      expect(status.notes).to.deep.equal([
        'The Ingress of app2/es does not use its certificate yet: set ingress.tls.enabled in the values, and deploy.',
      ])
    })

    it('has nothing to do where no app is deployed', async () => {
      store.objects.clear()
      const { exitCode, stdout, stderr } = await run(TlsSelfSigned)
      expect([exitCode, stdout]).to.deep.equal([0, ''])
      expect(stderr).to.include('No app is deployed')
      expect(store.applied).to.deep.equal([])
      expect(JSON.parse((await run(TlsSelfSigned, '--json')).stdout)).to.deep.equal({
        context: 'pi',
        dryRun: false,
        authority: null,
        certificates: [],
        warnings: [],
        notes: ['No app is deployed: there is nothing to certify.'],
      })
    })
  })

  it('does what docs/tls.md shows, and the values in it are good', async () => {
    store.objects.set('/apis/cert-manager.io/v1', { metadata: { name: '' } })
    store.objects.set('/api/v1/namespaces/cert-manager', { metadata: { name: 'cert-manager' } })
    const text = await readFile(join(ROOT, 'docs/tls.md'), 'utf8')
    const commands = [...text.matchAll(/^k8sflow tls (\S+)(.*)$/gm)]
    expect(commands).to.have.length(11)
    const classes = { issuers: TlsIssuers, ca: TlsCa, status: TlsStatus, 'self-signed': TlsSelfSigned }
    for (const [line, name = '', rest = ''] of commands) {
      const command = classes[name as keyof typeof classes]
      const { exitCode, stderr } = await run(command, ...rest.split(' ').filter(Boolean))
      expect(exitCode, `${line}: ${stderr}`).to.equal(0)
    }
    const values = /```yaml\n(firstApp:[^`]*)```/.exec(text)?.[1] ?? ''
    await writeFile(join(folder, 'values.yml'), values)
    expect((await run(Validate, 'values.yml')).exitCode).to.equal(0)
  })

  describe('ca', () => {
    it('exports certificates and never a key, those of cert-manager too', async () => {
      await sign()
      const own = await makeAuthority({
        commonName: 'k8sflow CA (cert-manager)',
        notBefore: later(-1),
        notAfter: later(100),
      })
      putSecret('/api/v1/namespaces/cert-manager/secrets/k8sflow-ca', {
        'tls.crt': certificatePem(own.certificate),
        'tls.key': privateKeyPem(own.keys),
      })
      const { stdout, stderr, exitCode } = await run(TlsCa)
      expect(exitCode).to.equal(0)
      expect(stdout).to.equal(entry(AUTHORITY, 'tls.crt') + certificatePem(own.certificate))
      expect(stderr).to.include(certificate(AUTHORITY).fingerprint256).and.include('kept by cert-manager')
      expect(stderr).to.include('each needs a file of its own')
      const json = await run(TlsCa, '--json')
      expect(json.stdout).not.to.include('PRIVATE')
      expect(JSON.parse(json.stdout)).to.have.property('authorities').with.length(2)
    })

    it('writes a file, and says how each system comes to trust it', async () => {
      await sign()
      const { stdout, stderr } = await run(TlsCa, '-o', 'ca.crt')
      expect(stdout).to.equal('ca.crt: created\n')
      expect(await readFile(join(folder, 'ca.crt'), 'utf8')).to.equal(entry(AUTHORITY, 'tls.crt'))
      for (const word of ['update-ca-certificates', 'security add-trusted-cert', 'certutil', 'Firefox'])
        expect(stderr).to.include(word)
      expect((await stat(join(folder, 'ca.crt'))).mode & 0o777).to.equal(0o666 & ~process.umask())
      expect((await run(TlsCa, '-o', 'ca.crt')).stdout).to.equal('ca.crt: unchanged\n')
    })

    it('says how to get one where there is none', async () => {
      const { exitCode, stderr } = await run(TlsCa, '-o', 'ca.crt')
      expect(exitCode).to.equal(1)
      expect(stderr).to.include('k8sflow tls issuers').and.include('k8sflow tls self-signed')
      expect(await readdir(folder)).not.to.include('ca.crt')
    })
  })

  describe('status', () => {
    const leaf = async (host: string, notAfter: Date, notBefore = later(-8)) => {
      const ca = await makeAuthority({
        commonName: 'R1\u001b[31m',
        notBefore: later(-9),
        notAfter: later(99),
      })
      const { certificate: made, keys } = await issue({
        authority: ca,
        commonName: host,
        dnsNames: [host],
        use: 'server',
        notBefore,
        notAfter,
      })
      return { 'tls.crt': certificatePem(made), 'tls.key': privateKeyPem(keys) }
    }
    const states = async (within?: string) =>
      (await tlsStatus({ kubeconfig, within })).certificates.map(
        ({ host, state, source }) => `${host} ${state} ${source ?? '-'}`,
      )

    it('tells apart what is valid, expiring, expired, missing, unusable and of another host', async () => {
      expect(await states()).to.deep.equal(['app1-it.info missing -', 'app2-es.info missing -'])
      await sign()
      put('app2', 'it')
      expect(await states()).to.deep.equal([
        'app1-it.info valid k8sflow',
        'app2-es.info valid k8sflow',
        'app2-it.info no TLS -',
      ])
      const annotations = { 'cert-manager.io/certificate-name': 'x' }
      putSecret(LEAF, await leaf('app1-it.info', later(20)), { annotations })
      putSecret(OTHER_LEAF, await leaf('app2-es.info', later(-2)))
      expect((await states()).slice(0, 2)).to.deep.equal([
        'app1-it.info expiring cert-manager',
        'app2-es.info expired other',
      ])
      expect((await states('2w'))[0]).to.equal('app1-it.info valid cert-manager')
      putSecret(LEAF, await leaf('app9-it.info', later(90)))
      putSecret(OTHER_LEAF, { 'tls.crt': 'damaged' })
      expect((await states()).slice(0, 2)).to.deep.equal([
        'app1-it.info wrong host other',
        'app2-es.info unusable other',
      ])
    })

    it('says of one that is not valid yet from when on it is, and does not call it good', async () => {
      putSecret(LEAF, await leaf('app1-it.info', later(90)))
      putSecret(OTHER_LEAF, await leaf('app2-es.info', later(90), later(0.1)))
      expect(await states()).to.deep.equal(['app1-it.info valid other', 'app2-es.info not yet valid other'])
      putSecret(
        LEAF,
        await leaf('app1-it.info', new Date('2127-01-02T03:04:05Z'), new Date('2126-01-02T03:04:05Z')),
      )
      const { stdout, stderr, exitCode } = await run(TlsStatus, '--check', '-p', 'app1')
      expect(exitCode).to.equal(1)
      expect(stdout)
        .to.match(/^app1-it\.info +not yet valid +in \d+d /m)
        .and.include('⚠ app1-it.info is valid from 2126-01-02T03:04:05.000Z on: is a clock wrong')
      expect(stderr).to.include('app1-it.info (not yet valid)')
      const { certificates, good } = await tlsStatus({ kubeconfig, project: ['app1'] })
      expect([good, certificates[0]?.notBefore]).to.deep.equal([false, '2126-01-02T03:04:05.000Z'])
    })

    it('shows a table that is safe for a terminal, and what cert-manager is waiting for', async () => {
      putSecret(LEAF, await leaf('app1-it.info', later(2.5)))
      store.objects.set('/apis/cert-manager.io/v1/namespaces/we-road-es/certificates/app2-es-tls', {
        metadata: { name: 'app2-es-tls', namespace: 'we-road-es' },
        spec: { secretName: 'app2-es-tls' },
        status: { conditions: [{ type: 'Ready', status: 'False', message: 'no such issuer' }] },
      })
      const { stdout, exitCode } = await run(TlsStatus)
      expect(exitCode).to.equal(0)
      expect(stdout).to.match(/^app1-it\.info +expiring +in 2d +R1\\1B\[31m +other +app1-it-tls$/m)
      expect(stdout).to.include('⚠ app2-es.info no such issuer\n')
    })

    it('ends with 1 under --check unless all is good, with the table and with JSON', async () => {
      await sign()
      expect((await run(TlsStatus, '--check')).exitCode).to.equal(0)
      const bad = await run(TlsStatus, '--check', '--within', '400d')
      expect(bad.exitCode).to.equal(1)
      expect(bad.stdout).to.match(/app1-it\.info +expiring/)
      expect(bad.stderr).to.include('app1-it.info (expiring)').and.include('k8sflow tls self-signed')
      const json = await run(TlsStatus, '--check', '--within', '400d', '--json')
      expect(json.exitCode).to.equal(1)
      expect(JSON.parse(json.stdout)).to.have.property('good', false)
      expect(JSON.parse(json.stdout)).to.have.nested.property('error.code', 'CERTIFICATE_NOT_GOOD')
      expect((await run(TlsStatus, '--within', 'soon')).exitCode).to.equal(2)
    })
  })

  describe('issuers', () => {
    const names = (text: string) =>
      parseAllDocuments(text).map((document) => {
        const { kind, metadata } = document.toJS() as StoredObject
        return `${kind ?? ''} ${metadata.name}`
      })
    const AUTHORITIES = [
      'ClusterIssuer k8sflow-selfsigned',
      'Certificate k8sflow-ca',
      'ClusterIssuer k8sflow-ca',
    ]
    const withCertManager = () => {
      store.objects.set('/apis/cert-manager.io/v1', { metadata: { name: '' } })
      store.objects.set('/api/v1/namespaces/cert-manager', { metadata: { name: 'cert-manager' } })
    }

    it('are printed or written without asking the cluster', async () => {
      await store.close()
      const dry = await run(TlsIssuers, '--dry-run')
      expect(dry.exitCode, dry.stderr).to.equal(0)
      expect(names(dry.stdout)).to.deep.equal(AUTHORITIES)
      const all = await run(TlsIssuers, '-o', '-', '--email', 'me@example.org', '--ingress-class', 'traefik')
      expect(names(all.stdout)).to.deep.equal([
        ...AUTHORITIES,
        'ClusterIssuer k8sflow-letsencrypt-staging',
        'ClusterIssuer k8sflow-letsencrypt',
      ])
      expect(all.stdout).to.include('https://acme-staging-v02.api.letsencrypt.org/directory')
      const written = await run(TlsIssuers, '-o', 'issuers.yaml')
      expect(written.stdout).to.equal('issuers.yaml: created\n')
      expect(await readFile(join(folder, 'issuers.yaml'), 'utf8')).to.equal(dry.stdout)
    })

    it('are applied where cert-manager is', async () => {
      withCertManager()
      const { exitCode, stdout, stderr } = await run(TlsIssuers)
      expect(exitCode, stderr).to.equal(0)
      expect(stdout.trim().split('\n')).to.deep.equal(
        AUTHORITIES.map((name) => name.replace('Certificate ', 'Certificate cert-manager/')),
      )
      expect(store.applied).to.deep.equal([
        '/apis/cert-manager.io/v1/clusterissuers/k8sflow-selfsigned',
        '/apis/cert-manager.io/v1/namespaces/cert-manager/certificates/k8sflow-ca',
        '/apis/cert-manager.io/v1/clusterissuers/k8sflow-ca',
      ])
    })

    it('say what to do without cert-manager, or with it in another namespace', async () => {
      const { exitCode, stderr } = await run(TlsIssuers)
      expect(exitCode).to.equal(1)
      expect(stderr).to.include('cert-manager is not installed').and.include('k8sflow tls self-signed')
      withCertManager()
      const elsewhere = await run(TlsIssuers, '--cert-manager-namespace', 'pki')
      expect(elsewhere.stderr).to.include('There is no namespace pki')
      expect(store.applied).to.deep.equal([])
    })

    it("refuse self-signed's namespace, where one Secret would be both authorities", async () => {
      withCertManager()
      for (const argv of [[], ['--dry-run'], ['-o', 'issuers.yaml']]) {
        const { exitCode, stderr } = await run(TlsIssuers, '--cert-manager-namespace', 'we-road', ...argv)
        expect(exitCode, argv.join()).to.equal(2)
        expect(stderr).to.include('we-road/k8sflow-ca').and.include('Nothing was changed')
      }
      expect(store.applied).to.deep.equal([])
      expect(await readdir(folder)).not.to.include('issuers.yaml')
      await sign()
      expect((await run(TlsCa, '--cert-manager-namespace', 'we-road')).exitCode).to.equal(2)
    })

    it('refuse what cannot be an address, a class or a namespace', async () => {
      for (const argv of [
        ['--email', 'me'],
        ['--ingress-class', 'a b'],
        ['--cert-manager-namespace', 'A'],
      ])
        expect((await run(TlsIssuers, ...argv)).exitCode, argv.join()).to.equal(2)
    })
  })
})
