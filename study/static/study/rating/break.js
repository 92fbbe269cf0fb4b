// A break: when it is over the page is fetched again, which then has the button.

const { seconds } = document.getElementById("rest").dataset;
setTimeout(() => location.reload(), 1000 * seconds + 500);
