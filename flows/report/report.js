// Draws the report from the data in the page. Text is written as text, never as markup; numbers are only formatted.
"use strict";
(() => {
  const LIMIT = 200;
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const parse = (id) => JSON.parse(byId(id).textContent);
  const data = parse("report-data");
  const layout = parse("report-layout");
  const charts = parse("report-charts");
  const figures = new Map(layout.flatMap((section) => section.figures.map((figure) => [figure.key, figure])));

  // Elements

  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return made;
  }

  function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function dot(colour) {
    const made = el("i", { class: "dot", "aria-hidden": "true" });
    made.style.background = colour;
    return made;
  }
  const verdictDot = (verdict) => dot(`var(--v-${verdict})`);

  // Rows

  const cache = new Map();
  function rows(name, where = {}) {
    if (!cache.has(name)) {
      const table = data[name] ?? { columns: [], rows: [] };
      cache.set(name, table.rows.map((row) => Object.fromEntries(table.columns.map((column, at) => [column, row[at]]))));
    }
    const wanted = Object.entries(where);
    return wanted.length ? cache.get(name).filter((row) => wanted.every(([key, value]) => row[key] === value)) : cache.get(name);
  }

  const words = (name) => String(name).replaceAll("_", " ");
  const minus = (text) => text.replace("-", "−");
  const count = (n) => n.toLocaleString("en-US");
  const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
  const write = {
    text: (value) => String(value),
    code: (value) => String(value),
    count: (value) => minus(count(value)),
    number: (value) => minus(Math.abs(value) < 1000 ? value.toFixed(3) : value.toLocaleString("en-US", { maximumFractionDigits: 1 })),
    signed: (value) => (value > 0 ? "+" : "") + minus(value.toFixed(3)),
    share: (value) => {
      if (value > 0 && value < 0.001) return "<0.1%";
      if (value > 0.999 && value < 1) return ">99.9%";
      return minus(`${(100 * value).toFixed(value !== 0 && Math.abs(value) < 0.01 ? 1 : 0)}%`);
    },
    money: (value) => `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`,
    bool: (value) => (value ? "yes" : "no"),
    list: (value) => value.join("; "),
  };
  const isNumber = (form) => ["count", "number", "signed", "share", "money"].includes(form);
  const format = (form, value) => (value === null || value === undefined ? "–" : write[form](value));

  const labels = new Map(rows("run_policies").map((row) => [row.policy_id, row.label]));
  const label = (policyId) => labels.get(policyId) ?? policyId;
  const rank = new Map(rows("policy_verdicts").map((row, at) => [row.policy_id, at]));
  // Rows as a chart reads them: the policy that earns least first, with the name and the colour it has everywhere.
  const rankOf = (row) => rank.get(row.policy_id) ?? 0;
  const placed = (found) => [...found].sort((a, b) => rankOf(a) - rankOf(b))
    .map((row) => ({ ...row, who: label(row.policy_id), series: rankOf(row) % 8 }));

  // Checkpoints of one dimension: parents before children, each with the parent it is joined to by a line.
  function byLineage(found) {
    const known = new Map(found.map((row) => [row.policy_id, row]));
    const generation = (row, seen = 0) => (known.has(row.parent) && seen < 1000 ? 1 + generation(known.get(row.parent), seen + 1) : 0);
    return found.map((row) => {
      const parent = known.get(row.parent);
      return { ...row, place: generation(row), before: (parent ?? row).policy, before_mean: (parent ?? row).mean };
    }).sort((a, b) => a.place - b.place || (a.step ?? 0) - (b.step ?? 0));
  }
  const POLICIES = new Set(["policy_id", "lower_policy", "higher_policy", "weak_policy"]);

  // Addresses

  const address = (...parts) => `#${parts.map(encodeURIComponent).join("/")}`;
  const groupAddress = (row) => address("group", row.instance_id, row.policy_id);
  const cases = new Map(rows("shown_cases").map((row) => [`${row.family}/${row.kind}/${row.name}`, row]));

  function linkOf(column, row) {
    if (column.key === "verdict") return address("verdict", row.verdict);
    if (column.key === "instance_id" && row.policy_id) return groupAddress(row);
    const kind = { probe: "probe", operator: "operator", shown_by: row.is_probe ? "probe" : "operator" }[column.key];
    const shown = kind && cases.get(`${row.family}/${kind}/${row[column.key]}`);
    return shown ? address("rollout", shown.instance_id, shown.policy_id, String(shown.sample)) : null;
  }

  // Tables

  const WARNING = { holds: false, agrees: false, train: null };

  function cell(column, row) {
    const value = row[column.key];
    const text = POLICIES.has(column.key) && value !== null ? label(value) : format(column.form, value);
    const made = el("td", { class: isNumber(column.form) ? "num" : null });
    if (typeof value === "number") made.dataset.value = String(value);
    if (column.form === "bool" && value === false && WARNING[column.key] === false) made.className = "no";
    if (typeof value === "string" && value.length > 40 || column.form === "list") made.classList.add("long");
    const link = value === null ? null : linkOf(column, row);
    if (column.key === "verdict") made.append(el("a", { class: "tag", href: link }, verdictDot(value), words(value)));
    else if (link) made.append(el("a", { href: link }, text));
    else made.append(text);
    if (column.interval && value !== null) {
      const ends = column.interval.map((key) => row[key]);
      if (ends.every((end) => end !== null)) {
        made.append(el("span", { class: "interval" }, ends.map((end) => format(column.form, end)).join(" to ")));
      }
    }
    return made;
  }

  function table(columns, found, { first = LIMIT, caption = "" } = {}) {
    const body = el("tbody");
    const box = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption || "table" });
    let order = found;
    let shown = Math.min(first, found.length);
    const more = el("button", { type: "button", class: "more" });
    const fill = () => {
      body.replaceChildren(...order.slice(0, shown).map((row) => el("tr", {}, columns.map((column) => cell(column, row)))));
      more.hidden = shown >= found.length;
      more.textContent = `Show ${found.length - shown > LIMIT ? LIMIT : "all"} more of ${count(found.length)}`;
      if (found.length - shown <= LIMIT) more.textContent = `Show all ${count(found.length)}`;
    };
    const sortBy = (column, heading) => {
      const down = heading.getAttribute("aria-sort") === (isNumber(column.form) ? "descending" : "ascending");
      const direction = isNumber(column.form) === down ? 1 : -1;
      for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      order = [...found].sort((a, b) => compare(a[column.key], b[column.key], direction));
      fill();
    };
    const head = el("tr", {}, columns.map((column) => {
      const button = el("button", { type: "button", title: "Sort" }, column.label);
      const heading = el("th", { scope: "col", class: isNumber(column.form) ? "num" : null }, button);
      button.addEventListener("click", () => sortBy(column, heading));
      return heading;
    }));
    more.addEventListener("click", () => { shown = Math.min(found.length, shown + LIMIT); fill(); });
    fill();
    box.append(el("table", {}, el("thead", {}, head), body));
    return [box, more];
  }

  function compare(a, b, direction) {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return (a < b ? -1 : 1) * direction;
  }

  function fillFigure(holder) {
    const figure = figures.get(holder.dataset.figure);
    const found = rows(figure.source, figure.where);
    const place = holder.querySelector(".rows");
    if (figure.legend === "verdicts") fillLegend(holder.querySelector(".legend"), found);
    if (figure.legend === "policies") fillPolicies(holder.querySelector(".legend"), found);
    if (!figure.chart) {
      place.append(...table(figure.columns, found, { first: figure.first, caption: figure.title }));
      return;
    }
    const details = el("details", { "data-rows": found.length }, el("summary", {}, `As a table: ${plural(found.length, "row")} of ${figure.source}`));
    const build = () => {
      if (details.childElementCount === 1) details.append(...table(figure.columns, found, { caption: figure.title }));
    };
    details.addEventListener("toggle", build);
    details.build = build;
    place.append(details);
    fillPanels(holder, figure);
  }

  function fillLegend(place, found) {
    const present = new Set(found.map((row) => row.verdict));
    for (const verdict of Object.keys(texts().meanings)) {
      if (present.has(verdict)) place.append(el("span", {}, verdictDot(verdict), `${words(verdict)}: ${texts().meanings[verdict]}`));
    }
  }

  function fillPolicies(place, found) {
    const present = new Set(found.map((row) => row.policy_id));
    for (const [policy, at] of rank) {
      if (present.has(policy)) place.append(el("span", {}, dot(`var(--s${at % 8})`), label(policy)));
    }
  }

  // Charts: drawn when they come near the view, the others when there is time

  const waiting = new Map();
  let drawing = 0;

  function fillPanels(holder, figure) {
    const groups = new Map();
    for (const panel of figure.panels) {
      const place = el("div", { class: "chart" });
      if (!groups.has(panel.group)) {
        groups.set(panel.group, el("div", { class: `panels ${figure.size}` }));
        if (panel.group) holder.querySelector(".panel-groups").append(el("h4", { class: "group" }, panel.group));
        holder.querySelector(".panel-groups").append(groups.get(panel.group));
      }
      groups.get(panel.group).append(el("div", { class: "panel" }, el("h4", {}, panel.title), place));
      waiting.set(place, { figure, panel });
      near.observe(place);
    }
  }

  async function draw(place) {
    const planned = waiting.get(place);
    if (!planned || !place.clientWidth) return;
    waiting.delete(place);
    near.unobserve(place);
    drawing += 1;
    const { figure, panel } = planned;
    const found = rows(figure.source, panel.where);
    const spec = structuredClone(charts[figure.chart]);
    const sets = { rows: found };
    for (const [name, source] of Object.entries(figure.sets)) sets[name] = rows(source, { family: panel.where.family });
    for (const set of spec.data) if (set.name in sets) set.values = (figure.source === "trajectory" ? byLineage : placed)(sets[set.name]);
    spec.description = `${figure.title} ${panel.title}: ${plural(found.length, "row")} of ${figure.source}; the same numbers are in the table below.`;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", spec.description);
    await vegaEmbed(place, spec, {
      mode: "vega", ast: true, renderer: "svg", actions: false, defaultStyle: false, hover: false, tooltip: showTip, logLevel: 1,
    });
    drawing -= 1;
    place.style.minHeight = "0";
    if (!root.dataset.charts) {
      root.dataset.charts = "first";
      performance.mark("first-chart");
    }
    if (!waiting.size && !drawing) root.dataset.charts = "all";
  }

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  }, { rootMargin: "300px" });

  const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  async function drawRest() {
    const [place] = waiting.keys();
    if (place && !byId("report").hidden) await draw(place);
    if (waiting.size && !byId("report").hidden) later(drawRest);
  }

  async function drawAll() {
    await Promise.all([...waiting.keys()].map(draw));
  }
  window.drawReport = drawAll;

  const tip = byId("tip");
  function showTip(handler, event, item, value) {
    if (value === null || value === undefined || value === "") { tip.hidden = true; return; }
    const entries = typeof value === "object" ? Object.entries(value) : [["", value]];
    tip.replaceChildren(el("table", {}, entries.map(([key, given]) => {
      const number = Number(given);
      const isFraction = typeof given === "number" ? !Number.isInteger(given) : given !== "" && /^-?\d+\.\d+$/.test(given);
      return el("tr", {}, el("td", {}, words(key)), el("td", {}, isFraction ? number.toFixed(3) : String(given)));
    })));
    tip.hidden = false;
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const y = event.clientY + 16 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16;
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${y}px`;
  }

  // Texts: blocks that are unpacked when somebody looks

  let packed = null;
  function texts() {
    packed ??= parse("report-texts");
    return packed;
  }

  const opened = new Map();
  function block(instance) {
    if (!opened.has(instance)) opened.set(instance, unpack(texts().blocks[instance]));
    return opened.get(instance);
  }

  async function unpack(text) {
    if (text === undefined) return null;
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }
  window.reportBlock = block;

  // Groups

  const GROUP_COLUMNS = [
    { key: "instance_id", label: "instance", form: "code" },
    { key: "policy_id", label: "policy", form: "text" },
    { key: "verdict", label: "verdict", form: "text" },
    { key: "n", label: "rollouts", form: "count" },
    { key: "mean_reward", label: "mean", form: "number" },
    { key: "std_reward", label: "deviation", form: "number" },
    { key: "dead_at_g", label: "dead groups", form: "share" },
    { key: "reason", label: "why", form: "text" },
  ];
  const rewardsOf = (row) => rows("group_rewards", { instance_id: row.instance_id, policy_id: row.policy_id })[0];

  function chips() {
    const totals = rows("verdict_totals");
    return totals.map((row) =>
      el("a", { class: "chip", href: address("verdict", row.verdict) }, verdictDot(row.verdict), el("b", {}, count(row.n_groups)), words(row.verdict)));
  }

  function fillGroups() {
    byId("chips").append(...chips());
    const body = byId("groups-body");
    if (!rows("verdict_totals").length) {
      body.append(el("p", { class: "note" }, "There are no groups in this run."));
      return;
    }
    const list = el("div", { class: "chips" }, chips());
    list.append(el("a", { class: "chip", href: address("verdict", "all") }, "all groups"));
    body.append(list);
    body.append(...table([{ key: "verdict", label: "verdict", form: "text" }, { key: "n_groups", label: "groups", form: "count" },
      { key: "n_unresolved", label: "unresolved", form: "count" }], rows("verdict_totals"), { caption: "Groups by verdict" }));
  }

  function select(what, values, act) {
    const made = el("select", { "aria-label": what }, el("option", { value: "" }, `every ${what}`),
      values.map((value) => el("option", { value }, label(value))));
    made.addEventListener("change", act);
    return made;
  }

  function verdictPage(verdict) {
    const all = verdict === "all" ? rows("task_verdict") : rows("task_verdict", { verdict });
    const meaning = texts().meanings[verdict];
    const place = el("div");
    const different = (key) => [...new Set(all.map((row) => row[key]))].sort();
    const columns = GROUP_COLUMNS.filter((column) => verdict === "all" || column.key !== "verdict");
    const fill = () => {
      const found = all.filter((row) => (!family.value || row.family === family.value) && (!policy.value || row.policy_id === policy.value));
      place.replaceChildren(el("p", { class: "note" }, plural(found.length, "group")), ...table(columns, found, { first: 60, caption: "Groups" }));
    };
    const family = select("family", different("family"), fill);
    const policy = select("policy", different("policy_id"), fill);
    fill();
    return [
      crumbs([], words(verdict)),
      title(el("span", { class: "tag" }, verdict === "all" ? "" : verdictDot(verdict), `${verdict === "all" ? "All groups" : words(verdict)}`)),
      el("p", { class: "finding" }, meaning ? `${meaning[0].toUpperCase()}${meaning.slice(1)}.` : verdict === "all" ? "" : "No group has this verdict."),
      el("div", { class: "filters" }, family, policy),
      place,
    ];
  }

  async function groupPage(instanceId, policyId) {
    const row = rows("task_verdict", { instance_id: instanceId, policy_id: policyId })[0];
    if (!row) return missing(`There is no group of ${label(policyId)} on ${instanceId} in this run.`);
    const task = rows("instance", { instance_id: instanceId })[0] ?? {};
    const kept = await block(instanceId);
    const shown = (kept?.rollouts ?? []).filter((rollout) => rollout.policy_id === policyId);
    const facts = [
      ["Mean reward", format("number", row.mean_reward)], ["Standard deviation", format("number", row.std_reward)],
      ["Rollouts", `${format("count", row.n)} of ${format("count", row.n_planned)}`],
      ["Groups that teach nothing", row.dead_at_g === null ? "–" : `${format("share", row.dead_at_g)} of groups of ${row.g}`],
      ["Capped", format("share", row.share_capped)], ["Tied by caps", format("share", row.destroyed_pair_rate)],
      ["Weight settled", format("share", row.median_weight)], ["Difficulty", format("number", task.difficulty)],
      ["Kind of task", `${task.archetype}, ${task.split}, ${task.mode}`],
    ];
    return [
      crumbs([[words(row.verdict), address("verdict", row.verdict)]], `${instanceId}, ${label(policyId)}`),
      title(instanceId),
      el("p", { class: "finding" }, el("a", { class: "tag", href: address("verdict", row.verdict) }, verdictDot(row.verdict), words(row.verdict)),
        ` for ${label(policyId)}. ${row.reason}`, row.resolved ? "" : " More rollouts could still overturn this."),
      el("h2", {}, "Rewards"),
      strip(row, rewardsOf(row), new Set(shown.map((rollout) => rollout.sample))),
      el("p", { class: "note" }, "One dot a rollout; a filled one has its text in this file. Red: lowered by a cap."),
      el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))),
      el("h2", {}, "Rollouts to read"),
      shown.length ? rolloutTable(shown) : el("p", { class: "note" }, "The texts of this instance were left out, for want of room. ", el("code", {}, sqlOf(instanceId, policyId, null))),
      kept ? spreadOf(kept, policyId) : null,
      kept ? el("h2", {}, "Task") : null,
      kept ? el("pre", {}, kept.prompt) : null,
      ...Object.entries(kept?.materials ?? {}).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })).map(([name, text]) => el("details", {}, el("summary", {}, `${name}, ${count(text.length)} characters`), el("pre", {}, text))),
    ];
  }

  function rolloutTable(shown) {
    const columns = [
      { key: "sample", label: "sample", form: "count" }, { key: "why", label: "shown as", form: "text" },
      { key: "status", label: "status", form: "text" }, { key: "reward", label: "reward", form: "number" },
      { key: "flags", label: "flags", form: "list" }, { key: "steps", label: "steps", form: "count" },
    ];
    const found = shown.map((rollout) => ({ ...rollout, reward: rollout.composite?.reward ?? null, flags: rollout.composite?.flags ?? null }));
    const [box] = table(columns, found, { caption: "Rollouts" });
    [...box.querySelectorAll("tbody tr")].forEach((line, at) => {
      const target = line.children[1];
      target.replaceChildren(el("a", { href: rolloutAddress(found[at]) }, target.textContent));
    });
    return box;
  }
  const rolloutAddress = (rollout) => address("rollout", rollout.instance_id, rollout.policy_id, String(rollout.sample));

  function spreadOf(kept, policyId) {
    const found = kept.dimension_spread.filter((row) => row.policy_id === policyId);
    if (!found.length) return null;
    const columns = [
      { key: "dimension", label: "dimension", form: "text" }, { key: "weight", label: "weight", form: "share" },
      { key: "mean_low", label: "proven", form: "number" }, { key: "mean_high", label: "not ruled out", form: "number" },
      { key: "std_low", label: "deviation", form: "number" }, { key: "variance_share", label: "share of variance", form: "share" },
      { key: "share_unassessed", label: "open", form: "share" },
    ];
    return el("div", {}, el("h2", {}, "Which dimension makes the rewards differ"), table(columns, found, { caption: "Dimensions" }));
  }

  function strip(row, group, kept) {
    const [width, height, left] = [Math.max(300, Math.min(900, innerWidth - 40)), 92, 10];
    const x = (value) => left + value * (width - 2 * left);
    const made = svg("svg", { class: "strip", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Rewards of the group, 0 to 1" });
    made.style.maxWidth = `${width}px`;
    made.append(svg("line", { class: "axis", x1: x(0), x2: x(1), y1: 66, y2: 66 }));
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) made.append(svg("text", { x: x(tick), y: 84, "text-anchor": "middle" }, String(tick)));
    for (const [name, value] of [["floor", row.floor], ["oracle", row.ceiling]]) {
      if (value === null) continue;
      made.append(svg("line", { class: "bound", x1: x(value), x2: x(value), y1: 16, y2: 66 }));
      made.append(svg("text", { x: x(value), y: 10, "text-anchor": value > 0.9 ? "end" : "start" }, name === "floor" ? "no work" : name));
    }
    const stacked = new Map();
    (group?.rewards ?? []).forEach((reward, at) => {
      const sample = group.samples[at];
      const column = Math.round(x(reward) / 12);
      const level = stacked.get(column) ?? 0;
      stacked.set(column, level + 1);
      const circle = svg("circle", {
        cx: x(reward), cy: Math.max(22, 57 - 11 * level), r: 5,
        class: [kept.has(sample) ? "kept" : "", group.capped?.includes(sample) ? "capped" : ""].join(" ").trim(),
      });
      circle.append(svg("title", {}, `sample ${sample}: ${reward.toFixed(3)}`));
      const link = svg("a", { href: address("rollout", row.instance_id, row.policy_id, String(sample)), "aria-label": `sample ${sample}, reward ${reward.toFixed(3)}` }, circle);
      made.append(link);
    });
    return made;
  }

  const sqlOf = (instance, policy, sample) =>
    `select output, transcript from rollout where run_id = ${quoted(texts().run_id)} and instance_id = ${quoted(instance)} and policy_id = ${quoted(policy)}` +
    (sample === null ? "" : ` and sample = ${sample}`);
  const quoted = (text) => `'${text.replaceAll("'", "''")}'`;

  // One rollout

  async function rolloutPage(instanceId, policyId, sampleText) {
    const sample = Number(sampleText);
    const kept = await block(instanceId);
    const all = kept?.rollouts ?? [];
    const rollout = all.find((each) => each.policy_id === policyId && each.sample === sample);
    const verdict = rows("task_verdict", { instance_id: instanceId, policy_id: policyId })[0];
    const trail = verdict
      ? [[words(verdict.verdict), address("verdict", verdict.verdict)], [`${instanceId}, ${label(policyId)}`, groupAddress(verdict)]]
      : [[instanceId, null], [rollout?.policy ?? policyId, null]];
    if (!rollout) {
      const group = rewardsOf({ instance_id: instanceId, policy_id: policyId });
      const reward = group?.rewards?.[group.samples.indexOf(sample)];
      return [
        crumbs(trail, `sample ${sampleText}`), title(`Sample ${sampleText}`),
        el("p", { class: "finding" }, reward === undefined ? "This rollout is not in this file." : `It earned ${reward.toFixed(3)}. Its text was left out; the warehouse has it:`),
        el("pre", {}, sqlOf(instanceId, policyId, Number.isInteger(sample) ? sample : 0)),
      ];
    }
    const order = all.filter((each) => each.policy_id === policyId);
    const at = order.indexOf(rollout);
    const composite = rollout.composite;
    const dimensions = [...new Set(rollout.scores.map((score) => score.dimension))];
    return [
      crumbs(trail, `sample ${sample}`),
      title(verdict ? `Sample ${sample} of ${label(policyId)}` : rollout.policy),
      el("p", { class: "finding" }, composite ? `It earned ${composite.reward.toFixed(3)}.` : "It was not graded.", ` Shown for: ${rollout.why}.`,
        rollout.status === "completed" ? "" : ` It ended as ${words(rollout.status)}.`, rollout.error ? ` ${rollout.error}` : ""),
      composite ? el("h2", {}, "Reward") : null,
      composite ? compositeBars(composite) : null,
      el("h2", {}, "Dimensions"),
      dimensionBars(rollout, dimensions),
      el("h2", {}, "Output"),
      ...outputOf(rollout, dimensions),
      transcriptOf(rollout),
      el("div", { class: "pager" },
        order[at - 1] ? el("a", { href: rolloutAddress(order[at - 1]), rel: "prev" }, `‹ sample ${order[at - 1].sample}`) : el("span"),
        order[at + 1] ? el("a", { href: rolloutAddress(order[at + 1]), rel: "next" }, `sample ${order[at + 1].sample} ›`) : el("span")),
    ];
  }

  function bar(name, low, high, text, why) {
    const track = el("div", { class: "track", role: "img", "aria-label": `${name}: ${text}` });
    const proven = el("i");
    proven.style.left = "0";
    proven.style.width = `${100 * low}%`;
    proven.style.minWidth = low > 0 ? "" : "0";
    track.append(proven);
    if (high > low) {
      const open = el("i", { class: "open" });
      open.style.left = `${100 * low}%`;
      open.style.width = `${100 * (high - low)}%`;
      track.append(open);
    }
    return [el("div", { class: "name" }, name), track, el("div", { class: "value" }, text), why ? el("div", { class: "why" }, why) : null];
  }
  const interval = (low, high) => (low === high ? low.toFixed(3) : `${low.toFixed(3)} to ${high.toFixed(3)}`);

  function compositeBars(composite) {
    const flags = composite.flags.length ? `Flags: ${composite.flags.join(", ")}; what they leave is ${composite.cap.toFixed(3)}.` : "No flag, no cap.";
    return el("div", { class: "bars" },
      bar("Work dealt with", composite.work_low, composite.work_high, interval(composite.work_low, composite.work_high)),
      bar("Before caps", composite.uncapped_low, composite.uncapped_high, interval(composite.uncapped_low, composite.uncapped_high), flags),
      bar("Reward", composite.low, composite.high, interval(composite.low, composite.high),
        `The low end is the reward: what is proven. ${format("share", composite.assessed_weight)} of the weight is settled${composite.ready ? "" : ", too little to train on"}.`));
  }

  function dimensionBars(rollout, dimensions) {
    if (!rollout.scores.length) return el("p", { class: "note" }, "No dimension was scored.");
    const many = new Set(rollout.scores.map((score) => score.grader_id)).size > 1;
    return el("div", { class: "bars" }, rollout.scores.map((score) => {
      const [name, track, value, why] = bar(words(score.dimension), score.low, score.high, interval(score.low, score.high),
        `${words(score.state)}${many ? ` by ${score.grader_id}` : ""}: ${score.reason}`);
      name.prepend(el("i", { class: `key k${dimensions.indexOf(score.dimension) % 6}`, "aria-hidden": "true" }), " ");
      return [name, track, value, why];
    }));
  }

  // Evidence: texts of a score's evidence that stand in the output word for word; else what they quote

  function stringsOf(value) {
    if (typeof value === "string") return [value];
    return value && typeof value === "object" ? Object.values(value).flatMap(stringsOf) : [];
  }

  // A single plain word is the name of a claim or a rule, which may stand in the output by chance.
  const isPassage = (text) => text.length >= 3 && /[^a-z_-]/.test(text);

  function quotes(evidence, output) {
    return stringsOf(evidence).flatMap((text) => {
      const whole = text.trim();
      if (isPassage(whole) && output.includes(whole)) return [whole];
      return [...text.matchAll(/['"‘“]([^'"’”]{4,})['"’”]/g)].map((match) => match[1].trim()).filter(isPassage);
    });
  }

  // Evidence is cut at a length; a mark ends where the word does.
  const WORD = /[\p{L}\p{N}]/u;
  function endOfWord(output, to) {
    if (!WORD.test(output[to - 1] ?? "")) return to;
    while (to < output.length && WORD.test(output[to])) to += 1;
    return to;
  }

  function passages(rollout) {
    const { output } = rollout;
    const found = [];
    for (const score of rollout.scores) {
      for (const quote of new Set(quotes(score.evidence, output))) {
        for (let at = output.indexOf(quote); at >= 0 && found.length < 2000; at = output.indexOf(quote, at + quote.length)) {
          found.push({ from: at, to: endOfWord(output, at + quote.length), score });
        }
      }
    }
    return found;
  }

  function outputOf(rollout, dimensions) {
    const found = passages(rollout);
    const edges = [...new Set([0, rollout.output.length, ...found.flatMap((each) => [each.from, each.to])])].sort((a, b) => a - b);
    const text = el("pre", { class: "output", tabindex: "0", role: "region", "aria-label": "Output" });
    edges.slice(0, -1).forEach((from, at) => {
      const part = rollout.output.slice(from, edges[at + 1]);
      const over = found.filter((each) => each.from <= from && each.to > from);
      if (!over.length) { text.append(part); return; }
      const said = [...new Set(over.map((each) => `${words(each.score.dimension)}: ${each.score.reason}`))].join("\n");
      text.append(el("mark", { class: `k${dimensions.indexOf(over[0].score.dimension) % 6}`, title: said }, part));
    });
    const marked = [...new Set(found.map((each) => each.score.dimension))];
    const cut = rollout.output_chars > rollout.output.length ? ` Cut: ${count(rollout.output_chars - rollout.output.length)} of ${count(rollout.output_chars)} characters are left out.` : "";
    return [
      rollout.output ? text : el("p", { class: "note" }, "Nothing was handed in."),
      el("p", { class: "note" },
        marked.length ? "Marked: what a grader names as evidence, on " : "No grader names a passage of it as evidence.",
        ...marked.flatMap((dimension, at) => [at ? ", " : "", el("mark", { class: `k${dimensions.indexOf(dimension) % 6}` }, words(dimension))]),
        marked.length ? "." : "", cut),
    ];
  }

  function transcriptOf(rollout) {
    const steps = rollout.transcript;
    const box = el("details", {}, el("summary", {}, `Transcript: ${plural(steps.length, "step")}`));
    for (const step of steps) {
      box.append(el("div", { class: "step" },
        step.thinking ? el("p", { class: "note" }, step.thinking) : null,
        step.said ? el("p", {}, step.said) : null,
        el("p", {}, el("code", {}, `${step.tool} ${step.arguments}`), step.is_error ? el("span", { class: "no" }, " failed") : ""),
        step.observation === null
          ? el("p", { class: "note" }, `${count(step.observation_chars)} characters answered; not kept, as the environment can play the call again.`)
          : el("pre", {}, step.observation)));
    }
    return box;
  }

  // Ways through the page

  const title = (...children) => el("h1", { tabindex: "-1" }, ...children);
  function crumbs(trail, here) {
    return el("nav", { class: "crumbs", "aria-label": "Where you are" }, el("a", { href: "#groups" }, "Report"),
      trail.map(([name, href]) => (href ? el("a", { href }, name) : el("span", {}, name))), el("span", { "aria-current": "page" }, here));
  }
  const missing = (text) => [crumbs([], "not found"), title("Not found"), el("p", { class: "finding" }, text)];

  const pages = { verdict: verdictPage, group: groupPage, rollout: rolloutPage };
  let left = 0;
  let turn = 0;

  async function route() {
    const mine = ++turn;
    const [kind, ...parts] = location.hash.slice(1).split("/").map(decoded);
    const report = byId("report");
    const detail = byId("detail");
    tip.hidden = true;
    if (!(kind in pages)) {
      const comes = report.hidden;
      report.hidden = false;
      detail.hidden = true;
      if (!started) start();
      if (comes) window.dispatchEvent(new Event("resize"));
      const target = kind && byId(kind);
      if (target) target.scrollIntoView();
      else if (comes) window.scrollTo(0, left);
      later(drawRest);
      return;
    }
    if (!report.hidden) left = window.scrollY;
    const content = await pages[kind](...parts);
    if (mine !== turn) return;
    report.hidden = true;
    detail.hidden = false;
    detail.replaceChildren(el("div", { class: "detail" }, content));
    detail.dataset.shown = location.hash;
    window.scrollTo(0, 0);
    detail.querySelector("h1").focus({ preventScroll: true });
  }

  function decoded(part) {
    try { return decodeURIComponent(part); } catch { return part; }
  }

  let started = false;
  function start() {
    started = true;
    document.querySelectorAll("figure[data-figure]").forEach(fillFigure);
    fillGroups();
    follow();
  }

  function follow() {
    const links = new Map([...document.querySelectorAll(".frame > nav a")].map((link) => [link.hash.slice(1), link]));
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        links.forEach((link) => link.removeAttribute("aria-current"));
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }, { rootMargin: "-20% 0px -70%" });
    for (const id of links.keys()) if (byId(id)) seen.observe(byId(id));
  }

  // Colours

  const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };
  function theme(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    byId("theme").textContent = THEMES[name];
    byId("theme").setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system has them" : name}`);
  }
  function stored(value) {
    try {
      if (value) localStorage.setItem("assay-theme", value);
      return localStorage.getItem("assay-theme") ?? "auto";
    } catch { return value ?? "auto"; }
  }
  byId("theme").addEventListener("click", () => {
    const names = Object.keys(THEMES);
    const now = root.dataset.theme ?? "auto";
    const next = names[(names.indexOf(now) + 1) % names.length];
    stored(next);
    theme(next);
  });
  theme(stored() in THEMES ? stored() : "auto");

  // Print: everything unfolded, but for long tables beside a chart that shows the same

  const PRINTED_ROWS = 40;
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main:not([hidden]) details:not([open])")]
      .filter((details) => Number(details.dataset.rows ?? 0) <= PRINTED_ROWS);
    for (const details of folded) { details.build?.(); details.open = true; }
  });
  addEventListener("afterprint", () => folded.forEach((details) => { details.open = false; }));

  addEventListener("hashchange", route);
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || byId("detail").hidden) return;
    const up = byId("detail").querySelectorAll(".crumbs a");
    if (up.length) location.hash = up[up.length - 1].hash;
  });
  route();
})();
