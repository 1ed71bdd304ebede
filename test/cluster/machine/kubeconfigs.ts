import { readFile, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { createAuthority, issue, pki } from './certificates.js'
import { readFacts } from './facts.js'
import { state } from './paths.js'

/** What a kubeconfig says; the files that certificates are read from are named without their ending. */
interface Contents {
  server: string
  authority?: string
  user: string
  context?: string
  currentContext?: string
}

/** Writes a kubeconfig of the running cluster, readable by its owner only, and gives its path. */
export async function writeKubeconfig(name: string, contents: Contents): Promise<string> {
  const { server, authority = 'ca', user, context = 'default', currentContext = context } = contents
  const base64 = async (file: string) => (await readFile(pki(file))).toString('base64')
  const file = state(`${name}.kubeconfig`)
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'default',
        cluster: { server, 'certificate-authority-data': await base64(`${authority}.crt`) },
      },
    ],
    users: [
      {
        name: 'default',
        user: {
          'client-certificate-data': await base64(`${user}.crt`),
          'client-key-data': await base64(`${user}.key`),
        },
      },
    ],
    contexts: [{ name: context, context: { cluster: 'default', user: 'default' } }],
    'current-context': currentContext,
  })
  await writeFile(file, text, { mode: 0o600 })
  return file
}

/** A kubeconfig with a valid certificate of a user who may do nothing. */
export async function unauthorisedKubeconfig(): Promise<string> {
  await issue('nobody', { subject: '/O=guests/CN=nobody' })
  return writeKubeconfig('unauthorised', { server: await outsideServer(), user: 'nobody' })
}

/** A kubeconfig of an administrator whose certificate expired yesterday. */
export async function expiredKubeconfig(): Promise<string> {
  await issue('expired', { subject: '/O=system:masters/CN=expired', days: -1 })
  return writeKubeconfig('expired', { server: await outsideServer(), user: 'expired' })
}

/** A kubeconfig that trusts another certificate authority than the API server's. */
export async function wrongAuthorityKubeconfig(): Promise<string> {
  await createAuthority('other-ca', '/CN=other-ca')
  return writeKubeconfig('wrong-authority', {
    server: await outsideServer(),
    authority: 'other-ca',
    user: 'admin',
  })
}

/** A valid kubeconfig whose current context is not in it. */
export async function wrongContextKubeconfig(): Promise<string> {
  return writeKubeconfig('wrong-context', {
    server: await outsideServer(),
    user: 'admin',
    context: 'pi',
    currentContext: 'raspberry',
  })
}

/** A kubeconfig for a server that nothing answers at: port 1 of this machine. */
export async function unreachableKubeconfig(): Promise<string> {
  return writeKubeconfig('unreachable', { server: 'https://127.0.0.1:1', user: 'admin' })
}

async function outsideServer(): Promise<string> {
  return (await readFacts()).server
}
