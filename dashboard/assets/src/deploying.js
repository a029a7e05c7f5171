// <a data-deploying hidden>…<span>0 deploying</span></a>   the frame's count of deployments under way.
// Each answer of a live part says in X-Deploying how many there are now; nobody else asks for it.
export function showDeploying(header) {
  const link = document.querySelector("[data-deploying]");
  if (!link || header === null) return;
  const count = Number(header) || 0;
  const text = link.querySelector("span");
  link.hidden = count === 0;
  if (text.textContent !== `${count} deploying`) text.textContent = `${count} deploying`;
}
