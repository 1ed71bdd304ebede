import { APPS, ENVIRONMENTS } from '../values/contract.js'
import { askInput } from './ask-missing.js'
import { choose } from './choose.js'

/** A command of k8sflow and its arguments. */
export interface ChosenCommand {
  id: 'values' | 'build' | 'scan' | 'deploy' | 'status' | 'rollback' | 'uninstall'
  argv: string[]
}

type Task = 'values' | 'build' | 'scan' | 'deploy' | 'status' | 'undo'

/**
 * Asks what to do and everything needed for it.
 * @param files the values files at hand, to deploy from
 * @returns the command that does it, or undefined when there is nothing to do
 * @throws InterruptedError on Ctrl-C
 */
export async function askCommand(files: readonly string[]): Promise<ChosenCommand | undefined> {
  const task = await choose<Task | undefined>('What do you want to do?', [
    { name: 'Generate values: write the values file of an app', value: 'values' },
    { name: 'Deploy', value: 'deploy' },
    { name: 'Build images, for this machine or a registry', value: 'build' },
    { name: 'Scan the images of the values files here', value: 'scan' },
    { name: 'See what runs', value: 'status' },
    { name: 'Undo: go back a revision, or remove an app', value: 'undo' },
    { name: 'Nothing, leave', value: undefined },
  ])
  switch (task) {
    case 'values':
      return { id: 'values', argv: await askValues() }
    case 'deploy':
      return { id: 'deploy', argv: await askDeploy(files) }
    case 'build':
      return { id: 'build', argv: await askBuild() }
    case 'scan':
    case 'status':
      return { id: task, argv: [] }
    case 'undo':
      return askUndo()
    default:
      return undefined
  }
}

async function askValues(): Promise<string[]> {
  const { countries = [], project = [], environment = '' } = await askInput({})
  return ['-c', countries.join(','), '-p', project.join(','), '-e', environment]
}

async function askDeploy(files: readonly string[]): Promise<string[]> {
  if (files.length === 0) return askValues()
  const chosen = await choose<readonly string[] | undefined>('What is to be deployed?', [
    ...[...pairs(files), ...files.map((file) => [file])].map((value) => ({
      name: value.join(' and '),
      value,
    })),
    { name: 'Something else: choose app, environment and countries', value: undefined },
  ])
  return chosen === undefined ? askValues() : chosen.flatMap((file) => ['-f', file])
}

/** The files of both apps that are for one environment: what is deployed together most of the time. */
function pairs(files: readonly string[]): string[][] {
  return ENVIRONMENTS.map((environment) => files.filter((file) => file.includes(`-${environment}.`))).filter(
    (found) => found.length > 1,
  )
}

async function askBuild(): Promise<string[]> {
  const app = await choose('Of which app?', [
    { name: 'both apps', value: undefined },
    ...APPS.map((name) => ({ name, value: name })),
  ])
  const output = await choose('Where are they to go?', [
    { name: 'Into the local Docker engine', value: '--load' },
    { name: 'To the registry', value: '--push' },
  ])
  return [...(app === undefined ? [] : ['-p', app]), output]
}

async function askUndo(): Promise<ChosenCommand> {
  const id = await choose<'rollback' | 'uninstall'>('What is to be undone?', [
    { name: 'The last deployment: go back to the revision before', value: 'rollback' },
    { name: 'The app: remove it from all its countries, keep the namespaces', value: 'uninstall' },
  ])
  const app = await choose(
    'Of which app?',
    APPS.map((name) => ({ name, value: name })),
  )
  return { id, argv: ['-p', app] }
}
