// Stands in for wsl-utils in the bundle: oclif asks it at every start whether this is WSL, and the package loads
// node:child_process to be able to answer other questions too.
import isWsl from 'is-wsl'

export { isWsl }

export async function powerShellPath() {
  const { powerShellPath: find } = await import('wsl-utils')
  return find()
}
