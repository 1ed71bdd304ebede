/** `go vet` of the Go modules that hold the named files; each module is built in its own folder. */
import { execa } from 'execa'
import { existsSync } from 'node:fs'
import path from 'node:path'

const modules = new Set(process.argv.slice(2).map(moduleOf))

for (const module of modules) {
  const vet = await execa('go', ['vet', './...'], { cwd: module, all: true, reject: false })
  if (vet.exitCode === 0) continue
  console.error(`${module}:\n${vet.all ?? vet.shortMessage}`)
  process.exitCode = 1
}

/** The nearest folder upwards that holds a go.mod. */
function moduleOf(file: string): string {
  let folder = path.dirname(path.resolve(file))
  while (!existsSync(path.join(folder, 'go.mod'))) {
    const parent = path.dirname(folder)
    if (parent === folder) throw new Error(`${file} is in no Go module`)
    folder = parent
  }
  return folder
}
