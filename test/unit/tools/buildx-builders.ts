/** Builders as `docker buildx ls --format json` tells of them, one JSON object a line (buildx 0.29; what is not read is left out). */
export const listed = {
  /** The engine itself, keeping images in containerd. */
  containerd: {
    Current: true,
    Driver: 'docker',
    Dynamic: false,
    Name: 'default',
    Nodes: [
      {
        Endpoint: 'default',
        Labels: {
          'org.mobyproject.buildkit.worker.executor': 'containerd',
          'org.mobyproject.buildkit.worker.snapshotter': 'overlayfs',
        },
        Name: 'default',
        Platforms: ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3'],
        Status: 'running',
        Version: 'v0.25.1',
      },
    ],
  },
  /** The engine itself, keeping images the classic way. */
  classic: {
    Current: true,
    Driver: 'docker',
    Name: 'default',
    Nodes: [
      {
        Endpoint: 'default',
        Name: 'default',
        Platforms: ['linux/amd64', 'linux/amd64/v2'],
        Status: 'running',
      },
    ],
  },
  /** One of its own that was not used yet. */
  container: {
    Current: false,
    Driver: 'docker-container',
    Name: 'boxed',
    Nodes: [{ Endpoint: 'unix:///var/run/docker.sock', Name: 'boxed0', Status: 'inactive' }],
  },
  /** One of its own that cannot be reached. */
  far: {
    Current: false,
    Driver: 'docker-container',
    Name: 'far',
    Nodes: [
      {
        Endpoint: 'tcp://far.lan:2375',
        Err: 'Cannot connect to the host far.lan: connect: connection refused',
        Name: 'far0',
        Status: 'error',
      },
    ],
  },
  /** Without an engine. */
  unreachable: {
    Current: true,
    Driver: '',
    Err: 'Cannot connect to the Docker daemon at unix:///nonexist.sock. Is the docker daemon running?',
    Name: 'default',
    Nodes: [{ Endpoint: '', Name: '' }],
  },
  /** With an engine that is for others. */
  denied: {
    Current: true,
    Driver: '',
    Err: 'permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Head "http://%2Fvar%2Frun%2Fdocker.sock/_ping": dial unix /var/run/docker.sock: connect: permission denied',
    Name: 'default',
    Nodes: [{ Endpoint: '', Name: '' }],
  },
}
