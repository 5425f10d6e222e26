({
    // Beyond the window's edges, or cut off, or to be scrolled sideways; or a cell's text over the next cell.
    tooWide: () => [...document.querySelectorAll("body, body *")].filter((one) => {
        if (!one.checkVisibility({visibilityProperty: true}) || hidden(one)) return false;
        const box = one.getBoundingClientRect();
        const hides = getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth;
        const spills = one.matches("td, th") && texts(one).some((node) =>
            [...range(node, 0, node.length).getClientRects()].some((text) => text.right > box.right + 1));
        return box.width > 1 && (box.right > innerWidth + .5 || box.left < -.5 || hides || spills);
    }).map(said).concat(document.body.scrollWidth > innerWidth ? ["the page scrolls sideways"] : []),

    // Words of up to 20 characters that a line break tears apart: a thumbprint may be longer than a line.
    brokenWords: (where) => [...document.querySelectorAll(where)].filter((one) => one.checkVisibility() && !hidden(one))
        .flatMap((one) => texts(one).flatMap((node) => [...node.data.matchAll(/[\p{L}\p{N}]+/gu)]
            .filter(([word]) => word.length <= 20)
            .filter((word) => lines(range(node, word.index, word[0].length)) > 1)
            .map(([word]) => word))),

    // The whole of the text has boxes, all of them in the window, and nothing above it cuts them off.
    cut: (text) => {
        const holders = texts(document.body).filter((node) => node.data.includes(text));
        const whole = holders.some((node) => {
            const boxes = [...range(node, node.data.indexOf(text), text.length).getClientRects()];
            if (!boxes.length || boxes.some((box) => box.right > innerWidth + .5 || box.left < -.5)) return false;
            for (let one = node.parentElement; one !== document.body; one = one.parentElement) {
                const room = one.getBoundingClientRect();
                if (getComputedStyle(one).overflowX !== "visible"
                    && boxes.some((box) => box.right > room.right + .5 || box.bottom > room.bottom + .5)) return false;
            }
            return node.parentElement.checkVisibility({visibilityProperty: true, opacityProperty: true});
        });
        return whole ? [] : [`${holders.length} times there, nowhere wholly visible: ${text}`];
    },

    // Cells of a table as a list: the name of the column is over the cell's text, or the text goes on below the name.
    badlyNamed: () => [...document.querySelectorAll("td")].filter((one) => {
        const name = getComputedStyle(one, "::before");
        if (!one.checkVisibility() || ["none", "normal"].includes(name.content)) return false;
        const room = parseFloat(getComputedStyle(one).paddingLeft), starts = new Map();
        for (const box of texts(one).flatMap((node) => [...range(node, 0, node.length).getClientRects()])) {
            const line = Math.round(box.bottom / 8);
            starts.set(line, Math.min(box.left, starts.get(line) ?? Infinity));
        }
        const left = Math.min(...starts.values());
        return parseFloat(name.width) > room + .5 || left < one.getBoundingClientRect().left + room - 1;
    }).map(said),

    // Every control that can be used now, by number and name.
    controls: () => [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [role=button], [onclick]")]
        .filter((one) => !one.disabled && one.checkVisibility({visibilityProperty: true}))
        .map((one, number) => { one.dataset.tabNumber = number; return control(one); }),

    // The control that has the focus, and whether that is seen; null where none has it.
    focused: () => {
        const one = document.activeElement, style = getComputedStyle(one);
        return one === document.body ? null
            : [control(one), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1];
    },
})

function* walked(one) {
    const walk = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) yield walk.currentNode;
}
function texts(one) { return [...walked(one)]; }
function range(node, start, length) {
    const made = document.createRange();
    made.setStart(node, start);
    made.setEnd(node, start + length);
    return made;
}
function lines(made) { return new Set([...made.getClientRects()].map((box) => Math.round(box.top))).size; }
// There for screen readers alone: clipped to a point.
function hidden(one) {
    for (let each = one; each; each = each.parentElement) if (getComputedStyle(each).clipPath !== "none") return true;
    return false;
}
function said(one) { return `${one.tagName.toLowerCase()}.${one.getAttribute("class")}: ${one.textContent.trim().slice(0, 60)}`; }
function control(one) { return `${one.dataset.tabNumber} ${one.tagName.toLowerCase()} ${one.textContent.trim().slice(0, 40)}`; }
