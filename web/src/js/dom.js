// The page's elements.

/** @param {string} id @returns {any} the element; there is one of each id that the modules ask for. */
export const byId = (id) => document.getElementById(id);

/**
 * @param {string} name
 * @param {string} className
 * @returns {any} a new element.
 */
export const element = (name, className = "") => Object.assign(document.createElement(name), { className });
