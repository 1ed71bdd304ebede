import type { ScanFinding } from '../../../src/services/scan-findings.js'
import type { ScannedImage, ScanResult } from '../../../src/services/scan.js'

/** A finding, for tests that show it. */
export function finding(more: Partial<ScanFinding> = {}): ScanFinding {
  return {
    kind: 'vulnerability',
    id: 'CVE-2026-1',
    severity: 'HIGH',
    package: 'nginx',
    installed: '1.26',
    fixed: '1.27',
    status: 'fixed',
    title: 'nginx: made up',
    url: 'https://example.com/1',
    ...more,
  }
}

/** One platform of an image in which nothing was found. */
export function scanned(more: Partial<ScannedImage> = {}): ScannedImage {
  return {
    image: 'hecha00/app1:1',
    apps: ['app1'],
    files: [],
    platform: 'linux/amd64',
    digest: null,
    os: { family: 'debian', name: '13.1', endOfLife: false },
    hasPackages: true,
    counts: { CRITICAL: 0, HIGH: 0, MEDIUM: 0, LOW: 0, UNKNOWN: 0 },
    findings: [],
    ignored: [],
    unfixed: 0,
    ...more,
  }
}

/** A scan of these images. */
export function scanResult(images: ScannedImage[], more: Partial<ScanResult> = {}): ScanResult {
  return {
    passed: images.every(({ findings }) => findings.length === 0),
    severities: ['CRITICAL', 'HIGH'],
    ignoreUnfixed: false,
    ignoreFile: null,
    trivy: '0.74.0',
    images,
    failures: [],
    notes: [],
    warnings: [],
    ...more,
  }
}
