import { APPS, type App, deploymentName } from '../values/contract.js'
import { type ManifestObject, manifestObjects } from './manifest-objects.js'

/** One app in one country, as a release's manifest wants it. */
export interface ReleaseInstance {
  app: App
  country: string
  namespace: string
  environment?: string
  image: string
}

/** What a release is made of, read from its manifest: true for any chart and any values. */
export interface ReleaseContents {
  instances: ReleaseInstance[]
  objects: ManifestObject[]
  /** Namespaces that helm deletes, with all in them, when it removes the release. */
  doomedNamespaces: string[]
}

interface Container {
  image?: string
  env?: { name: string; value?: unknown }[]
}

/** Reads what `helm get manifest` prints; only Deployments are parsed in full, the rest would take too long. */
export async function releaseContents(manifest: string): Promise<ReleaseContents> {
  const { parse } = await import('yaml')
  const texts = manifest.split(/^---.*$/m)
  const instances = texts.flatMap((text) => {
    const place = placeOf(text)
    if (place === undefined) return []
    const { spec } = parse(text, { logLevel: 'silent' }) as {
      spec?: { template?: { spec?: { containers?: Container[] } } }
    }
    return [instanceOf(place, spec?.template?.spec?.containers?.[0])]
  })
  return {
    instances,
    objects: manifestObjects(manifest),
    doomedNamespaces: texts.flatMap((text) => doomedNamespace(text)),
  }
}

/** An uninstall goes by the manifest alone: an annotation on the live namespace does not help. */
function doomedNamespace(text: string): string[] {
  const [object] = manifestObjects(text)
  const kept = /^ +["']?helm\.sh\/resource-policy["']?: *["']?keep\b/m.test(text)
  return object?.kind === 'Namespace' && !kept ? [object.name] : []
}

function placeOf(text: string): Pick<ReleaseInstance, 'app' | 'country' | 'namespace'> | undefined {
  const [object] = manifestObjects(text)
  const country = /^we-road-([a-z]{2})$/.exec(object?.namespace ?? '')?.[1]
  if (object?.kind !== 'Deployment' || country === undefined) return undefined
  const app = APPS.find((candidate) => deploymentName(candidate, country) === object.name)
  return app === undefined ? undefined : { app, country, namespace: object.namespace }
}

function instanceOf(
  place: Pick<ReleaseInstance, 'app' | 'country' | 'namespace'>,
  container: Container | undefined,
): ReleaseInstance {
  // APP_NAME is <app>-<environment>.
  const value = container?.env?.find(({ name }) => name === 'APP_NAME')?.value
  const prefix = `${place.app}-`
  return {
    ...place,
    ...(typeof value === 'string' && value.startsWith(prefix)
      ? { environment: value.slice(prefix.length) }
      : {}),
    image: container?.image ?? '',
  }
}
