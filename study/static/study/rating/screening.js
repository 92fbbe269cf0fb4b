// The screening: tells the server what this window and screen are, and the rater what to mend.

const form = document.getElementById("screening");

function measure() {
  const told = {
    device_pixel_ratio: devicePixelRatio,
    viewport_width: innerWidth,
    viewport_height: innerHeight,
    screen_width: screen.width,
    screen_height: screen.height,
    zoom: outerWidth ? (outerWidth / innerWidth).toFixed(3) : "",
    touch: matchMedia("(any-pointer: fine)").matches ? "" : "on",
  };
  for (const [name, value] of Object.entries(told)) form.elements[name].value = value;
  const { width, height, frame } = form.dataset;
  const fits =
    innerWidth * devicePixelRatio >= width && (innerHeight - frame) * devicePixelRatio >= height;
  const [enough, small] = ["enough", "small"].map((id) => document.getElementById(id));
  if (enough) enough.hidden = !fits;
  if (small) small.hidden = fits;
}

addEventListener("resize", measure);
form.addEventListener("submit", measure);
measure();
