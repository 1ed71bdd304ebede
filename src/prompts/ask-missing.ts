import { APPS, ENVIRONMENTS } from '../values/contract.js'
import {
  checkGiven,
  checkInput,
  type CheckedInput,
  countriesProblem,
  missingInputs,
  type RawInput,
} from '../values/input.js'
import { ask } from './ask.js'
import { canPrompt, type PromptConditions } from './terminal.js'

/**
 * Checks the countries, project and environment that were given, and asks for those that were not, where a person can
 * answer. Elsewhere everything missing is named in one error.
 * @param example how to call the command without questions
 * @throws InvalidInputError for wrong or missing input
 * @throws InterruptedError on Ctrl-C
 */
export async function askMissing(
  raw: RawInput,
  example: string,
  conditions: PromptConditions = {},
): Promise<CheckedInput> {
  if (missingInputs(raw).length === 0 || !canPrompt(conditions)) return checkInput(raw, example)
  // What was given wrongly is said before the first question, not after the last.
  await checkGiven(raw)
  return checkInput(await askInput(raw))
}

/** Asks for what is missing; what is given is not asked for. */
export async function askInput(raw: RawInput): Promise<RawInput> {
  const missing = missingInputs(raw)
  const answers = await ask((inquirer) =>
    inquirer.prompt<{ countries: string; project: string[]; environment: string }>(
      [
        {
          type: 'checkbox',
          name: 'project',
          message: 'Which app?',
          choices: APPS.map((app) => ({ name: app, value: app })),
          required: true,
        },
        {
          type: 'select',
          name: 'environment',
          message: 'Which environment?',
          choices: [...ENVIRONMENTS].reverse(),
        },
        {
          type: 'input',
          name: 'countries',
          message: 'Which countries? (two letters each, such as it,es)',
          validate: (typed: string) => countriesProblem(tidy(typed)) ?? true,
        },
      ],
      Object.fromEntries(
        (['countries', 'project', 'environment'] as const)
          .filter((name) => !missing.includes(name))
          .map((name) => [name, raw[name]]),
      ),
    ),
  )
  return {
    project: answers.project,
    environment: answers.environment,
    countries: missing.includes('countries') ? [tidy(answers.countries)] : raw.countries,
  }
}

/** At a prompt, unlike in a flag, spaces between codes are no sign of a mistake. */
function tidy(typed: string): string {
  return typed
    .trim()
    .split(/[\s,]+/)
    .filter(Boolean)
    .join(',')
}
