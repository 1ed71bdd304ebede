import { expect } from 'chai'
import { execa } from 'execa'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

import { applyObject, changeObject, createObject, type KubernetesObject } from '../../src/cluster/apply.js'
import type { Cluster } from '../../src/cluster/cluster.js'
import Deploy from '../../src/commands/deploy.js'
import TlsCa from '../../src/commands/tls/ca.js'
import TlsIssuers from '../../src/commands/tls/issuers.js'
import TlsSelfSigned from '../../src/commands/tls/self-signed.js'
import TlsStatus from '../../src/commands/tls/status.js'
import Uninstall from '../../src/commands/uninstall.js'
import {
  certificatePem,
  issue,
  makeAuthority,
  privateKeyPem,
  readCertificate,
  readPrivateKey,
} from '../../src/pki/certificates.js'
import type { SelfSignedResult } from '../../src/services/tls-self-signed.js'
import type { TlsStatusResult } from '../../src/services/tls-status.js'
import { ROOT } from '../commands/harness.js'
import { k8sflow, k8sflowJson, removeAll, suiteCluster, withFile } from './cli.js'
import { kindsServed } from './custom-kinds.js'
import { insideCluster, type Ran } from './docker.js'
import { installDebianPackage } from './machine/debian.js'
import { goModuleFolder } from './machine/go-modules.js'
import { nodeAddress, start, type Started } from './machine/namespace.js'
import { bin } from './machine/paths.js'
import { onPath } from './machine/preflight.js'
import { waitFor } from './machine/wait.js'

const GATEWAY_API = 'sigs.k8s.io/gateway-api@v1.4.0'
const CERT_MANAGER = 'github.com/cert-manager/cert-manager@v1.21.2'
const AUTHORITY = '/api/v1/namespaces/we-road/secrets/k8sflow-ca'
const DAY = 24 * 60 * 60 * 1000

describe('k8sflow tls', () => {
  let cluster: Cluster
  let folder: string
  /** The file with the authority's certificate. */
  let ca: string
  let definitions: KubernetesObject[] = []
  let gateway: Started | undefined

  before(async function () {
    if (process.env['K8SFLOW_TEST_CLUSTER'] !== 'own') this.skip()
    if (!onPath('curl')) await installDebianPackage('curl')
    cluster = await suiteCluster()
    folder = await mkdtemp(join(tmpdir(), 'k8sflow-tls-'))
    ca = join(folder, 'ca.crt')
    const tls = { enabled: true, issuer: 'none' }
    await deployValues({
      firstApp: app('app1', { ingress: { tls } }),
      secondApp: app('app2', { ingress: { tls } }),
    })
  })
  after(async () => {
    if (cluster === undefined) return
    if (gateway !== undefined) process.kill(gateway.pid)
    for (const { metadata } of definitions) await remove(`${DEFINITIONS}/${metadata.name}`)
    await remove('/api/v1/namespaces/cert-manager')
    await removeAll(['it'])
    await remove(AUTHORITY)
    await rm(folder, { recursive: true })
  })

  const app = (appName: string, more: object) => ({
    create: true,
    appName,
    env: 'staging',
    countries: ['it'],
    ...more,
  })
  const deployValues = async (values: object) =>
    withFile(JSON.stringify(values), async (file) => {
      const { exitCode, stderr } = await k8sflow(Deploy, ['-f', file])
      expect(exitCode, stderr).to.equal(0)
    })
  const remove = async (path: string) => cluster.find({ method: 'DELETE', path })
  const secret = (name: string) => `/api/v1/namespaces/we-road-it/secrets/${name}`
  const curl = async (url: string, port: number, ...argv: string[]): Promise<Ran> => {
    const { hostname } = new URL(url)
    const resolve = `${hostname}:${String(port)}:${nodeAddress}`
    return insideCluster('curl', ['-sS', '--max-time', '30', '--resolve', resolve, ...argv, url])
  }
  /** What a URL answers with the authority trusted, once that is `expected`. */
  const answers = async (url: string, port: number, expected: string) =>
    waitFor({ what: `${url} to answer`, seconds: 180, intervalMs: 200 }, async () => {
      const { stdout, stderr } = await curl(url, port, '--cacert', ca)
      if (stdout !== expected) throw new Error(`${stdout}${stderr}`)
      return true
    })
  const leafFile = async (name: string) => {
    const { data } = await cluster.send<{ data: Record<string, string> }>({ path: secret(name) })
    const file = join(folder, `${name}.crt`)
    await writeFile(file, Buffer.from(data['tls.crt']!, 'base64'))
    return file
  }

  /** What somebody who has the authority's key could make for a host that is none of the apps'. */
  const foreignLeaf = async () => {
    const { data } = await cluster.send<{ data: Record<string, string> }>({ path: AUTHORITY })
    const pem = (key: string) => Buffer.from(data[key]!, 'base64').toString()
    const authority = {
      certificate: readCertificate(pem('tls.crt')),
      keys: await readPrivateKey(pem('tls.key')),
    }
    const { certificate } = await issue({
      authority,
      commonName: 'bank.example',
      dnsNames: ['bank.example'],
      use: 'server',
      notBefore: new Date(Date.now() - DAY),
      notAfter: new Date(Date.now() + DAY),
    })
    const file = join(folder, 'bank.crt')
    await writeFile(file, certificatePem(certificate))
    return file
  }

  it('serves both apps over HTTPS to whoever trusts the exported authority, and nobody else', async () => {
    const missing = await k8sflowJson<TlsStatusResult>(TlsStatus, ['--check'])
    expect(missing.exitCode).to.equal(1)
    expect(missing.result.certificates.map(({ state }) => state)).to.deep.equal(['missing', 'missing'])
    const { result, exitCode, stderr } = await k8sflowJson<SelfSignedResult>(TlsSelfSigned, [])
    expect(exitCode, stderr).to.equal(0)
    expect(result.certificates.map(({ change }) => change)).to.deep.equal(['created', 'created'])
    expect((await k8sflow(TlsCa, ['-o', ca])).exitCode).to.equal(0)
    for (const name of ['app1', 'app2']) {
      await answers(`https://${name}-it.info/ping`, 443, `hello from ${name}-staging-it`)
      const untrusted = await curl(`https://${name}-it.info/ping`, 443)
      // curl's own code for a certificate that cannot be verified.
      expect(untrusted.exitCode, untrusted.stderr).to.equal(60)
      await answers(`http://${name}-it.info/ping`, 80, `hello from ${name}-staging-it`)
    }
    expect((await k8sflow(TlsStatus, ['--check'])).exitCode).to.equal(0)
  })

  it('makes certificates that openssl accepts for servers, and refuses outside of .info', async () => {
    const leaf = await leafFile('app1-it-tls')
    const verify = ['verify', '-x509_strict', '-CAfile', ca]
    const { stdout } = await execa('openssl', [
      ...verify,
      '-purpose',
      'sslserver',
      '-verify_hostname',
      'app1-it.info',
      leaf,
    ])
    expect(stdout).to.equal(`${leaf}: OK`)
    const client = await execa('openssl', [...verify, '-purpose', 'sslclient', leaf], { reject: false })
    expect(client.exitCode).not.to.equal(0)
    const text = await execa('openssl', ['x509', '-in', ca, '-noout', '-text'])
    expect(text.stdout)
      .to.match(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/)
      .and.match(/Name Constraints: critical\s+Permitted:\s+DNS:info/)
    const outside = await execa('openssl', [...verify, await foreignLeaf()], { reject: false })
    expect(outside.stderr).to.include('permitted subtree violation')
  })

  it('renews without a request that fails', async () => {
    const loop = insideCluster(process.execPath, ['-e', LOOP, nodeAddress, ca])
    // Some requests meet the old certificate first.
    await waitFor({ what: 'the requests to begin', seconds: 120, intervalMs: 100 }, async () =>
      (await readdir(folder)).includes('ca.crt.begun'),
    )
    const { result } = await k8sflowJson<SelfSignedResult>(TlsSelfSigned, ['--renew'])
    expect(result.certificates.map(({ change }) => change)).to.deep.equal(['renewed', 'renewed'])
    const { stdout, stderr } = await loop
    const seen = JSON.parse(stdout || '{}') as {
      requests: number
      failures: string[]
      certificates: string[]
    }
    expect(seen.failures, stderr).to.deep.equal([])
    expect(seen.requests).to.be.above(30)
    expect(seen.certificates).to.have.length(2)
    const { certificates } = (await k8sflowJson<TlsStatusResult>(TlsStatus, ['-p', 'app1'])).result
    expect(certificates[0]?.fingerprint).to.equal(seen.certificates[1])
  })

  it('is held off by the API server where another run has made or changed the authority', async () => {
    const { metadata, data, type } = await cluster.send<KubernetesObject>({ path: AUTHORITY })
    const { name, namespace = '', resourceVersion = '' } = metadata
    const about = { apiVersion: 'v1', kind: 'Secret' }
    const change = async (note: string | null, version: string) =>
      changeObject(cluster, 'secrets', {
        ...about,
        metadata: { name, namespace, resourceVersion: version },
        data: { note },
      })
    expect(await change('bm90ZQ==', resourceVersion)).to.equal(true)
    expect(await change('c3RhbGU=', resourceVersion)).to.equal(false)
    const changed = await cluster.send<KubernetesObject>({ path: AUTHORITY })
    expect(changed['data']).to.deep.equal({ ...(data as object), note: 'bm90ZQ==' })
    expect(await change(null, changed.metadata.resourceVersion ?? '')).to.equal(true)
    expect((await cluster.send<KubernetesObject>({ path: AUTHORITY }))['data']).to.deep.equal(data)
    await remove(AUTHORITY)
    expect(await change(null, resourceVersion)).to.equal(false)
    const { labels = {} } = metadata
    const made = { ...about, type, metadata: { name, namespace, labels }, data }
    const both = await Promise.all([0, 1].map(async () => createObject(cluster, 'secrets', made)))
    expect(both.sort()).to.deep.equal([false, true])
    const { result, exitCode, stderr } = await k8sflowJson<SelfSignedResult>(TlsSelfSigned, [])
    expect(exitCode, stderr).to.equal(0)
    expect(result.authority?.change).to.equal('unchanged')
  })

  it('has issuers that the API with the definitions of cert-manager accepts', async () => {
    const before = await k8sflow(TlsIssuers, [])
    expect(before.exitCode).to.equal(1)
    expect(before.stderr).to.include('k8sflow tls self-signed')
    await define(CERT_MANAGER, 'deploy/crds')
    await applyObject(
      cluster,
      'namespaces',
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cert-manager' } },
      { force: true },
    )
    const { exitCode, stderr } = await k8sflow(TlsIssuers, ['--email', 'me@example.org'])
    expect(exitCode, stderr).to.equal(0)
    const root = '/apis/cert-manager.io/v1'
    const names = (await cluster.list<KubernetesObject>({ path: `${root}/clusterissuers` })).map(
      ({ metadata }) => metadata.name,
    )
    expect(names).to.have.members([
      'k8sflow-selfsigned',
      'k8sflow-ca',
      'k8sflow-letsencrypt-staging',
      'k8sflow-letsencrypt',
    ])
    // A field that the definitions do not know would have been dropped.
    const { spec } = await cluster.send<KubernetesObject>({
      path: `${root}/namespaces/cert-manager/certificates/k8sflow-ca`,
    })
    expect(spec).to.have.nested.property('nameConstraints.permitted.dnsDomains').deep.equal(['info'])
    expect(spec).to.include({ isCA: true, secretName: 'k8sflow-ca' })
  })

  it('shows and leaves alone what cert-manager made, beside its own', async () => {
    const times = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + 10 * DAY) }
    const authority = await makeAuthority({ commonName: 'k8sflow CA (cert-manager)', ...times })
    const dnsNames = ['app2-it.info']
    const made = await issue({ authority, commonName: 'app2-it.info', dnsNames, use: 'server', ...times })
    await remove(secret('app2-it-tls'))
    // As cert-manager, which cannot run here, writes it.
    const metadata = {
      name: 'app2-it-tls',
      namespace: 'we-road-it',
      annotations: { 'cert-manager.io/certificate-name': 'app2-it-tls' },
    }
    await cluster.send({
      method: 'POST',
      path: '/api/v1/namespaces/we-road-it/secrets',
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata,
        stringData: { 'tls.crt': certificatePem(made.certificate), 'tls.key': privateKeyPem(made.keys) },
      },
    })
    const { result } = await k8sflowJson<TlsStatusResult>(TlsStatus, [])
    expect(
      result.certificates.map(({ host, state, source, issuer }) => [host, state, source, issuer]),
    ).to.deep.equal([
      ['app1-it.info', 'valid', 'k8sflow', result.certificates[0]?.issuer],
      ['app2-it.info', 'expiring', 'cert-manager', 'k8sflow CA (cert-manager)'],
    ])
    const again = await k8sflowJson<SelfSignedResult>(TlsSelfSigned, ['--renew', '-p', 'app2'])
    expect(again.result.certificates.map(({ change }) => change)).to.deep.equal(['skipped'])
  })

  it('leads through a Gateway to the HTTPRoute of docs/network.md, over HTTP and HTTPS', async () => {
    await define(GATEWAY_API, 'config/crd/standard')
    gateway = await startGateway()
    const [, resources, values] = await yamlBlocks('network.md')
    await applyObject(
      cluster,
      'gatewayclasses',
      {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GatewayClass',
        metadata: { name: 'traefik' },
        spec: { controllerName: 'traefik.io/gateway-controller' },
      },
      { force: true },
    )
    for (const object of resources as KubernetesObject[])
      await applyObject(cluster, `${object.kind.toLowerCase()}s`, object, { force: true })
    await deployValues(values![0]!)
    await answers('http://app1-it.info:8000/ping', 8000, 'hello from app1-staging-it')
    await answers('https://app1-it.info:8443/ping', 8443, 'hello from app1-staging-it')
    const { result } = await k8sflowJson<TlsStatusResult>(TlsStatus, ['-p', 'app1'])
    expect(result.certificates.map(({ host, state }) => `${host} ${state}`)).to.deep.equal([
      'app1-it.info valid',
    ])
  })

  it('keeps nobody from deleting a namespace with nothing but its certificates', async () => {
    await remove('/apis/gateway.networking.k8s.io/v1beta1/namespaces/we-road-it/referencegrants/certificates')
    const argv = ['-p', 'app1,app2', '--delete-namespaces', '--yes']
    const { exitCode, stderr } = await k8sflow(Uninstall, argv)
    expect(exitCode, stderr).to.equal(0)
  })

  /** Defines the kinds whose definitions a Go module has in a folder, and waits until they are served. */
  async function define(module: string, path: string): Promise<void> {
    const from = join(await goModuleFolder(module), path)
    const files = (await readdir(from)).filter((file) => file.endsWith('.yaml') && file.includes('.io_'))
    const found = await Promise.all(
      files.map(async (file) => documents(await readFile(join(from, file), 'utf8'))),
    )
    const objects = found.flat() as unknown as KubernetesObject[]
    definitions = [...definitions, ...objects]
    await Promise.all(
      objects.map((object) => applyObject(cluster, 'customresourcedefinitions', object, { force: true })),
    )
    await kindsServed(
      cluster,
      (objects as unknown as Definition[]).flatMap(({ spec: { group, names, versions } }) =>
        versions
          .filter(({ served }) => served)
          .map(({ name }) => ({ group, version: name, plural: names.plural })),
      ),
    )
  }
})

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

interface Definition {
  spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] }
}

/** A second Traefik, with the ports of K3s's, that looks for Gateways. */
async function startGateway(): Promise<Started> {
  const args = [
    '--global.checknewversion=false',
    '--global.sendanonymoususage=false',
    '--entrypoints.web.address=:8000',
    '--entrypoints.websecure.address=:8443',
    '--entrypoints.websecure.http.tls=true',
    '--entrypoints.traefik.address=127.0.0.1:8066',
    '--providers.kubernetesgateway=true',
    '--providers.kubernetesgateway.throttleduration=200ms',
  ]
  return start('traefik-gateway', bin('traefik'), args, {
    KUBECONFIG: process.env['K8SFLOW_TEST_KUBECONFIG_INSIDE']!,
  })
}

function documents(text: string): object[] {
  return parseAllDocuments(text).map((document) => document.toJS() as object)
}

/** The YAML blocks of a page of the documentation, each as the objects in it. */
async function yamlBlocks(page: string): Promise<object[][]> {
  const text = await readFile(join(ROOT, 'docs', page), 'utf8')
  return [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => documents(block))
}

/**
 * Asks for /ping over a new connection each time, until a second certificate has been seen for a while; prints what
 * it met. Arguments: the address, the file with the authority.
 */
const LOOP = `
  const { readFileSync, writeFileSync } = require('node:fs')
  const https = require('node:https')
  const [, address, file] = process.argv
  const ca = readFileSync(file)
  const failures = []
  const certificates = []
  let requests = 0
  let after = 0
  const ask = () => new Promise((resolve) => {
    const request = https.get(
      { host: address, servername: 'app1-it.info', path: '/ping', headers: { host: 'app1-it.info' }, ca, agent: false },
      (response) => {
        const { fingerprint256 } = response.socket.getPeerCertificate()
        if (!certificates.includes(fingerprint256)) certificates.push(fingerprint256)
        if (response.statusCode !== 200) failures.push('status ' + response.statusCode)
        response.resume().on('end', resolve)
      },
    )
    request.setTimeout(30000, () => request.destroy(new Error('no answer')))
    request.on('error', (error) => { failures.push(error.message); resolve() })
  })
  const run = async () => {
    const end = Date.now() + 300000
    while (Date.now() < end && after < 30) {
      await ask()
      requests += 1
      if (requests === 10) writeFileSync(file + '.begun', '')
      if (certificates.length > 1) after += 1
    }
    console.log(JSON.stringify({ requests, failures, certificates }))
  }
  run()`
