import type { EChartsCoreOption } from 'echarts/core'

import type { AppSample, LoadtestResult } from '../services/loadtest-result.js'
import { renderSvg } from './echarts.js'
import { escapeHtml } from './html.js'
import { clock } from './loadtest-view.js'

const WIDTH = 1100
/** Of one of the four parts, with the room for its title, and of the axis below them all. */
const PART = 230
const HEAD = 64
const FOOT = 40
const HEIGHT = 4 * PART + FOOT
const LEFT = 72
const RIGHT = 72

/** Apps with a line of their own; of more, one line per app sums up its countries. */
const MOST_LINES = 8
/** Okabe and Ito's colours, which people with any colour vision can tell apart. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#6B5B95', '#000000']
const GREY = '#5f6368'
const RED = '#b3261e'

interface Line {
  name: string
  data: [number, number | null][]
  colour: string
  /** A value holds until the next one. */
  steps?: boolean
  dashed?: boolean
  /** Drawn in long dashes. */
  overlay?: boolean
  /** On the axis at the right. */
  right?: boolean
}

interface Part {
  title: string
  unit: string
  rightUnit?: string
  lines: Line[]
  /** The axis goes at least so far. */
  atLeast?: number
  /** Only whole numbers on the axis. */
  whole?: boolean
  /** A level to compare with. */
  target?: { value: number; label: string }
}

/** Load, times, CPU and replicas of a load test on one time axis, as an SVG that needs nothing else. */
export function loadtestPicture(result: LoadtestResult): string {
  const parts = [loadPart(result), timesPart(result), cpuPart(result), replicasPart(result)]
  const svg = renderSvg(optionOf(parts, result), { width: WIDTH, height: HEIGHT })
  return described(svg, result)
}

function loadPart({ points }: LoadtestResult): Part {
  const failed = points.some(({ failuresPerSecond }) => failuresPerSecond > 0)
  return {
    title: 'Load',
    unit: 'requests/s',
    rightUnit: 'users',
    lines: [
      {
        name: 'requests/s',
        colour: COLOURS[0] ?? '',
        data: points.map((point) => [point.t, point.requestsPerSecond]),
      },
      ...(failed
        ? [
            {
              name: 'failures/s',
              colour: RED,
              data: points.map((point): [number, number] => [point.t, point.failuresPerSecond]),
            },
          ]
        : []),
      {
        name: 'users',
        colour: GREY,
        right: true,
        dashed: true,
        data: points.map((point) => [point.t, point.users]),
      },
    ],
  }
}

function timesPart({ points }: LoadtestResult): Part {
  return {
    title: 'Latency',
    unit: 'ms',
    lines: [
      { name: 'p50', colour: COLOURS[2] ?? '', data: points.map(({ t, p50 }) => [t, p50]) },
      { name: 'p95', colour: COLOURS[1] ?? '', data: points.map(({ t, p95 }) => [t, p95]) },
    ],
  }
}

function cpuPart(result: LoadtestResult): Part {
  const scaled = result.apps.some(({ mostCpu }) => mostCpu !== null)
  if (!scaled)
    return {
      title: 'CPU, all pods of an app',
      unit: 'thousandths of a core',
      lines: appLines(result, ({ cpuMillicores }) => cpuMillicores, sum),
    }
  const targets = [...new Set(result.apps.flatMap(({ targetCpu }) => targetCpu ?? []))]
  const target = targets.length === 1 ? targets[0] : undefined
  return {
    title: 'CPU against target, as the autoscaler sees it',
    unit: '% of request',
    lines: appLines(result, ({ cpu }) => cpu, most),
    ...(target === undefined
      ? {}
      : { target: { value: target, label: `target ${String(target)} %` }, atLeast: target * 1.25 }),
  }
}

function replicasPart(result: LoadtestResult): Part {
  return {
    title: 'Replicas',
    unit: 'pods',
    whole: true,
    atLeast: 4,
    lines: appLines(result, ({ replicas }) => replicas, sum).map((line) => ({ ...line, steps: true })),
  }
}

/** A line per app and country, or per app where these would be too many. */
function appLines(
  { apps, samples }: LoadtestResult,
  value: (sample: AppSample) => number | null,
  merge: (values: number[]) => number,
): Line[] {
  const each = apps.map(({ name }) => ({ label: name, names: [name] }))
  const byApp = [...new Set(apps.map(({ app }) => app))].map((app) => {
    const names = apps.filter((one) => one.app === app).map(({ name }) => name)
    return { label: `${app}, ${String(names.length)} countries`, names }
  })
  return (each.length > MOST_LINES ? byApp : each).map(({ label, names }, index) => ({
    name: label,
    colour: COLOURS[index] ?? GREY,
    // So that the line below is seen where both are the same.
    overlay: index % 2 === 1,
    data: samples.map((sample): [number, number | null] => {
      const values = sample.apps.filter(({ name }) => names.includes(name)).flatMap((app) => value(app) ?? [])
      return [sample.t, values.length === 0 ? null : merge(values)]
    }),
  }))
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const most = (values: number[]) => Math.max(...values)

function optionOf(parts: readonly Part[], result: LoadtestResult): EChartsCoreOption {
  const text = { color: '#202124', fontFamily: 'system-ui, sans-serif' }
  return {
    backgroundColor: '#ffffff',
    textStyle: text,
    title: parts.map(({ title }, index) => ({
      text: title,
      left: LEFT,
      top: index * PART + 4,
      padding: 0,
      textStyle: { ...text, fontSize: 15, fontWeight: 600 },
    })),
    legend: parts.map(({ lines }, index) => ({
      data: lines.map(({ name }) => name),
      // Names such as app1-it stand in two parts.
      ...{ top: index * PART + 2, right: RIGHT, padding: 0, itemGap: 16, itemHeight: 9, icon: 'roundRect' },
      itemWidth: 14,
      textStyle: { ...text, fontSize: 12 },
    })),
    grid: parts.map((_, index) => ({
      ...{ left: LEFT, right: RIGHT, top: index * PART + HEAD, height: PART - HEAD - 16 },
    })),
    xAxis: parts.map((_, index) => timeAxis(index, index === parts.length - 1, result.end ?? 0)),
    yAxis: parts.flatMap((part, index) => valueAxes(part, index)),
    series: parts.flatMap((part, index) => seriesOf(part, index, result)),
  }
}

function timeAxis(gridIndex: number, last: boolean, end: number) {
  return {
    type: 'value',
    gridIndex,
    min: 0,
    max: Math.max(end * 1.02, 1),
    interval: tickSeconds(end),
    name: last ? 'minutes since the start' : '',
    nameLocation: 'middle',
    nameGap: 26,
    axisLine: { onZero: false, lineStyle: { color: '#9aa0a6' } },
    axisTick: { show: last },
    axisLabel: {
      show: last,
      color: '#202124',
      // The last one is wherever the test ended, as a rule close to a round one.
      formatter: (value: number) => (value % tickSeconds(end) === 0 ? clock(value) : ''),
    },
    splitLine: { lineStyle: { color: '#f1f3f4' } },
  }
}

/** A round distance between marks of the time axis, so that there are about ten. */
function tickSeconds(end: number): number {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400]
  return steps.find((step) => end / step <= 12) ?? 14_400
}

function valueAxes({ unit, rightUnit, lines, atLeast = 0, whole = false }: Part, gridIndex: number) {
  const axis = (name: string, right: boolean) => {
    const values = lines
      .filter((line) => (line.right ?? false) === right)
      .flatMap(({ data }) => data.map(([, y]) => y ?? 0))
    const highest = Math.max(right ? 0 : atLeast, ...values)
    const { interval, max } = whole ? wholeScale(highest) : niceScale(highest)
    return {
      type: 'value',
      gridIndex,
      min: 0,
      max,
      interval,
      name,
      position: right ? 'right' : 'left',
      nameTextStyle: {
        align: right ? 'right' : 'left',
        padding: right ? [0, -40, 0, 0] : [0, 0, 0, -40],
        color: GREY,
      },
      nameGap: 10,
      axisLine: { show: false },
      axisLabel: { color: '#202124' },
      splitLine: { show: !right, lineStyle: { color: '#e8eaed' } },
      show: name !== '',
    }
  }
  return [axis(unit, false), axis(rightUnit ?? '', true)]
}

interface Scale {
  interval: number
  max: number
}

/** Four round parts, with some room above the highest value. */
function niceScale(highest: number): Scale {
  const quarter = Math.max(highest * 1.05, 1) / 4
  const power = 10 ** Math.floor(Math.log10(quarter))
  const interval = power * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find((step) => step * power >= quarter) ?? 10)
  return { interval, max: 4 * interval }
}

/** One mark per pod as long as they are few. */
function wholeScale(highest: number): Scale {
  const interval = Math.ceil((highest + 1) / 10)
  return { interval, max: interval * Math.ceil((highest + 0.5) / interval) }
}

function seriesOf({ lines, target }: Part, index: number, { load, end }: LoadtestResult) {
  return lines.map((line, place) => ({
    type: 'line',
    name: line.name,
    xAxisIndex: index,
    yAxisIndex: 2 * index + (line.right ? 1 : 0),
    data: line.data,
    showSymbol: line.data.length === 1,
    ...(line.steps ? { step: 'end' } : {}),
    color: line.colour,
    lineStyle: {
      width: line.dashed ? 1.5 : 2,
      type: line.dashed ? [6, 4] : line.overlay ? [12, 6] : 'solid',
    },
    z: line.dashed ? 2 : 3,
    ...(place === 0 && load !== null
      ? {
          markArea: {
            silent: true,
            itemStyle: { color: 'rgba(0, 114, 178, 0.06)' },
            label: { show: index === 0, position: 'top', distance: 2, color: GREY, fontSize: 11 },
            data: [[{ name: 'under load', xAxis: load.from }, { xAxis: Math.min(load.to, end ?? load.to) }]],
          },
        }
      : {}),
    ...(place === 0 && target !== undefined
      ? {
          markLine: {
            silent: true,
            symbol: 'none',
            lineStyle: { color: RED, type: 'dashed', width: 1.5 },
            label: { formatter: target.label, position: 'insideEndTop', color: RED },
            data: [{ yAxis: target.value }],
          },
        }
      : {}),
  }))
}

/** Gives the picture a name and a description for those who do not see it, and lets it shrink with the page. */
function described(svg: string, result: LoadtestResult): string {
  const { total, apps } = result
  const scaling = apps.slice(0, MOST_LINES).map(({ name, replicas, mostCpu, targetCpu }) => {
    const cpu =
      mostCpu === null
        ? ''
        : `, CPU up to ${String(mostCpu)} %${targetCpu === null ? '' : ` of ${String(targetCpu)} %`}`
    return `${name}: replicas ${String(replicas.before)} before, ${String(replicas.most)} at most, ${String(replicas.after)} at the end${cpu}.`
  })
  const text = [
    'Four line charts over one time axis: users and requests per second; median and 95th percentile of the latency; CPU against its target; replicas.',
    ...(total === null ? [] : [`${String(total.requests)} requests, ${String(total.failures)} failed.`]),
    ...scaling,
  ].join(' ')
  const names = `<title id="picture-title">Load, latency, CPU and replicas</title><desc id="picture-desc">${escapeHtml(text)}</desc>`
  return svg.replace(
    /^<svg ([^>]*)>/,
    (_, attributes: string) =>
      `<svg ${attributes} role="img" aria-labelledby="picture-title" aria-describedby="picture-desc">${names}`,
  )
}
