from tests.browser.conftest import votable
def test_dbg(begin, browser):
    rating = begin(browser.new_context(no_viewport=True))
    votable(rating, 1)
    session = rating.context.new_cdp_session(rating)
    rating.evaluate("() => { window.log=[]; matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => log.push('mm '+devicePixelRatio)); addEventListener('resize', () => log.push('resize'));}")
    for r in (1.5, 1, 2):
        session.send("Emulation.setDeviceMetricsOverride", {"width": 1280, "height": 800, "deviceScaleFactor": r, "mobile": False})
        print(rating.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"))
        print(rating.evaluate("[devicePixelRatio, innerWidth, log.join(), matchMedia(`(resolution: ${devicePixelRatio}dppx)`).matches, document.querySelector('#stage img').style.width]"))
