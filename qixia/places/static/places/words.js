/* What the map scripts say. {% live_map %} hands over the reader's language in data-words; without it, Chinese. */

const CHINESE = {
  zoomIn: "放大", zoomOut: "缩小", locate: "我的位置",
  noPermission: "没有定位权限，请在地图上点选位置。", noPosition: "暂时定位不到，请在地图上点选位置。",
  elsewhere: "你现在不在本区范围内。", tap: "点一下地图，标出位置", pin: "选定的位置，方向键微调",
  outside: "这个位置不在范围内，请重新选点。", demo: "{name}示意图，虚构", credit: "{name}底图",
  cluster: "{count} 件，最重{worst}，放大查看", merged: "另有 {count} 件合并显示，放大地图后逐件列出",
  critical: "特急", high: "紧急", normal: "一般", low: "轻微",
  wait: "待受理", "wait-ring": "待分拣", sent: "已派单", doing: "处置中", check: "待核实", fixed: "已修好", back: "重新处理",
};

/** word(key, {name: value}) for one map element. */
export function wordsOf(el) {
  let own = {};
  try {
    own = JSON.parse(el.dataset.words || "{}");
  } catch {
    // a page that was cut short: Chinese will do
  }
  return (key, values = {}) => {
    const text = own[key] || CHINESE[key] || "";
    return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  };
}
