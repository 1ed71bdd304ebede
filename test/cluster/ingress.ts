import { type IncomingMessage, request } from 'node:http'

import { waitFor } from './machine/wait.js'

/**
 * Waits until Traefik leads to an app's path. It takes up a new host and new pods a moment after they are there. Until then its own
 * 404, or an error for a pod that is gone, would pass for the app's answer. With two addresses it takes turns: a row of answers
 * means one.
 */
export async function ingressLeadsTo(host: string, path: string): Promise<void> {
  const wait = { what: `Traefik to lead to ${host}${path}`, seconds: 180, intervalMs: 300 }
  await waitFor(wait, async () => {
    for (let asked = 0; asked < 4; asked++) {
      const { status, text } = await throughIngress(host, path)
      if (status !== 200) throw new Error(`${status} ${text}`)
    }
    return true
  })
}

/** Begins a request to an app through Traefik; its host is in no name server. */
export function openThroughIngress(host: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const url = `http://${process.env['K8SFLOW_TEST_INGRESS']!}${path}`
    request(url, { headers: { Host: host } }, resolve)
      .on('error', reject)
      .end()
  })
}

/** What an app answers through Traefik. */
export async function throughIngress(host: string, path: string): Promise<{ status: number; text: string }> {
  const answer = await openThroughIngress(host, path)
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) text += String(chunk)
  return { status: answer.statusCode!, text }
}
