// The products of the pictures in docs/console.md, each with a drawing.

const wood = "#b98a57";
const dark = "#7a5330";
const cloth = "#8ea69b";
const light = "#e6ddcf";
const steel = "#3f4447";

function drawing(shapes) {
  const parts = shapes.map(
    ([x, y, width, height, fill, round = 8]) =>
      `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${round}" fill="${fill}"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="400"><ellipse cx="240" cy="338" rx="190" ry="14" fill="#e2dbd0"/>${parts.join("")}</svg>`;
}

const legs = (left, right, top, fill = dark) => [
  [left, top, 14, 335 - top, fill, 4],
  [right, top, 14, 335 - top, fill, 4],
];

/** Names, texts, prices and drawings. */
export const products = [
  {
    name: "Three-seat sofa Oslo",
    text: "Linen cover in sage, oak legs, 220 cm wide",
    price: "1.290 €",
    svg: drawing([
      ...legs(70, 396, 280),
      [60, 130, 360, 110, cloth, 30],
      [50, 190, 60, 110, cloth, 24],
      [370, 190, 60, 110, cloth, 24],
      [80, 220, 320, 80, "#a5b9af", 22],
    ]),
  },
  {
    name: "Dining chair Kestrel",
    text: "Solid oak with a woven seat, modern and light",
    price: "189 €",
    svg: drawing([
      ...legs(170, 296, 230, wood),
      [165, 70, 16, 180, wood, 6],
      [299, 70, 16, 180, wood, 6],
      [170, 80, 140, 46, wood, 10],
      [155, 218, 170, 28, light, 12],
    ]),
  },
  {
    name: "Platform bed Anton",
    text: "160 × 200 cm, two drawers, walnut veneer",
    price: "899 €",
    svg: drawing([
      [50, 140, 380, 120, dark, 12],
      [40, 230, 400, 80, wood, 12],
      [60, 200, 360, 60, light, 24],
      [80, 185, 120, 44, "#ffffff", 18],
      [220, 185, 120, 44, "#ffffff", 18],
    ]),
  },
  {
    name: "Round side table Luna",
    text: "Marble top on a brass frame",
    price: "249 €",
    svg: drawing([
      [232, 190, 16, 140, "#c9a24b", 4],
      [170, 322, 140, 14, "#c9a24b", 7],
      [120, 170, 240, 26, "#f7f5f2", 13],
    ]),
  },
  {
    name: "Sideboard Lund",
    text: "Sliding doors, oiled oak, 180 cm",
    price: "780 €",
    svg: drawing([
      ...legs(80, 386, 280),
      [60, 160, 360, 130, wood, 10],
      [72, 172, 108, 106, "#c79a68", 6],
      [186, 172, 108, 106, "#b08150", 6],
      [300, 172, 108, 106, "#c79a68", 6],
    ]),
  },
  {
    name: "Writing desk Nora",
    text: "Two drawers, beech, cable channel",
    price: "420 €",
    svg: drawing([
      ...legs(80, 386, 190, wood),
      [55, 165, 370, 28, wood, 8],
      [80, 193, 120, 40, light, 6],
      [280, 193, 120, 40, light, 6],
    ]),
  },
  {
    name: "Arc floor lamp",
    text: "Brass with a linen shade, coastal",
    price: "310 €",
    svg: drawing([
      [300, 90, 10, 240, steel, 4],
      [250, 324, 110, 14, steel, 7],
      [160, 84, 150, 10, steel, 5],
      [120, 90, 90, 70, light, 20],
    ]),
  },
  {
    name: "Bloom",
    text: "A lovely piece for any home",
    price: "45 €",
    svg: drawing([
      [200, 210, 80, 125, "#c98f7a", 30],
      [232, 110, 12, 110, "#5f7d5a", 5],
      [200, 80, 76, 60, "#d8a9a0", 30],
    ]),
  },
  {
    name: "Stool or side table Pippa",
    text: "Ash, round seat, for the hall or the bath",
    price: "95 €",
    svg: drawing([...legs(170, 296, 220, wood), [150, 196, 180, 28, wood, 14]]),
  },
  {
    name: "Garden set Porto",
    text: "For the terrace, in rattan",
    price: "640 €",
    svg: drawing([
      ...legs(90, 376, 250, dark),
      [80, 150, 150, 110, "#a9825a", 26],
      [250, 150, 150, 110, "#a9825a", 26],
      [90, 220, 300, 50, light, 20],
    ]),
  },
];
