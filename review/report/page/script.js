'use strict';
(function () {
	const form = document.getElementById('filter');
	const all = Array.from(document.querySelectorAll('.finding'));
	const count = document.getElementById('shown');
	const fields = ['pillar', 'rule', 'file', 'severity'];
	let current = -1;

	function shown() {
		return all.filter(finding => !finding.hidden);
	}

	function filter() {
		const text = form.elements.text.value.toLowerCase();

		for (const finding of all)
			finding.hidden = fields.some(name => form.elements[name].value !== '' &&
					form.elements[name].value !== finding.dataset[name]) ||
				!finding.textContent.toLowerCase().includes(text);
		for (const group of document.querySelectorAll('.pillar'))
			group.hidden = !group.querySelector('.finding:not([hidden])');
		count.textContent = shown().length + ' of ' + all.length;
		current = -1;
	}

	function go(step) {
		const list = shown();
		const at = list.indexOf(document.activeElement.closest('.finding'));

		if (!list.length)
			return;
		current = at >= 0 ? at : current;
		current = Math.min(Math.max(current + step, 0), list.length - 1);
		list[current].focus();
		list[current].scrollIntoView({ block: 'start' });
	}

	function open() {
		const target = location.hash && document.getElementById(location.hash.slice(1));

		if (target && target.tagName === 'DETAILS')
			target.open = true;
	}

	function key(event) {
		const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);

		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		if (event.key === 'Escape') {
			form.reset();
			filter();
			document.activeElement.blur();
		} else if (!typing && event.key === 'j') {
			go(1);
		} else if (!typing && event.key === 'k') {
			go(-1);
		} else if (!typing && event.key === '/') {
			form.elements.text.focus();
			event.preventDefault();
		}
	}

	form.hidden = false;
	form.addEventListener('input', filter);
	form.addEventListener('reset', () => setTimeout(filter));
	form.addEventListener('submit', event => event.preventDefault());
	document.addEventListener('keydown', key);
	window.addEventListener('hashchange', open);
	filter();
	open();
}());
