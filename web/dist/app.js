// node_modules/preact/dist/preact.mjs
var n, t, r, u, i, f, o, e, l, c, a, s, h = /* @__PURE__ */ Symbol.for("pv"), p = {}, y = [], v = /^m(i|n|o|s|text|space)$/, w = Array.isArray, d = y.slice, _ = Object.assign;
function g(n3) {
  n3 && n3.parentNode && n3.remove();
}
function k(n3, t4, r4) {
  var u4, i4, f5, o5 = {}, e4 = arguments.length;
  for (f5 in t4) f5 == "key" ? u4 = t4[f5] : f5 == "ref" && typeof n3 != "function" ? i4 = t4[f5] : o5[f5] = t4[f5];
  return e4 > 2 && (o5.children = e4 > 3 ? d.call(arguments, 2) : r4), m(n3, o5, u4, i4, null);
}
function m(r4, u4, i4, f5, o5) {
  var e4 = { type: r4, props: u4, key: i4, ref: f5, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: h, __v: o5 || ++t, __i: -1, __u: 0 };
  return !o5 && n.vnode && n.vnode(e4), e4;
}
function $(n3) {
  return n3.children;
}
function x(n3, t4) {
  this.props = n3, this.context = t4, this.__g = 0;
}
function S(n3, t4) {
  if (t4 == null) return n3.__ && S(n3.__, n3.__i + 1);
  for (var r4; t4 < n3.__k.length; t4++) if ((r4 = n3.__k[t4]) && r4.__e) return r4.__e;
  return typeof n3.type != "function" || n3.props.__P ? null : S(n3);
}
function C(t4) {
  var r4, u4 = t4.__v, i4 = u4.__e, f5 = [], o5 = [], e4 = t4.__P;
  e4 && ((r4 = _({ constructor: h }, u4)).__v = u4.__v + 1, n.vnode && n.vnode(r4), z(e4, r4, u4, t4.__n, e4.namespaceURI, 32 & u4.__u ? [i4] : null, f5, i4 || S(u4), 32 & u4.__u, o5), r4.__v = u4.__v, r4.__.__k[r4.__i] = r4, E(f5, r4, o5), u4.__ = u4.__e = null, r4.__e != i4 && j(r4));
}
function j(n3) {
  if ((n3 = n3.__) && n3.__c && !n3.props.__P) return n3.__e = null, n3.__k.some(function(t4) {
    return t4 && (n3.__e = t4.__e);
  }), j(n3);
}
function L(t4) {
  (8 & t4.__g || (t4.__g |= 8, u.push(t4), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
  try {
    for (var n3, t4 = 1; u.length; ) u.length > t4 && u.sort(o), n3 = u.shift(), t4 = u.length, 8 & n3.__g && C(n3);
  } finally {
    (f = u.length) && (i || queueMicrotask)(H);
  }
}
function I(n3, t4, r4, u4, i4, f5, o5, e4, l5, c4, a5) {
  var s4, h5, v4, w6, d5, _5, g6 = u4.__k || y, k4 = t4.length;
  for (l5 = q(r4, t4, g6, l5, k4), s4 = 0; s4 < k4; s4++) (v4 = r4.__k[s4]) != null && (h5 = ~v4.__i && g6[v4.__i] || p, v4.__i = s4, _5 = z(n3, v4, h5, i4, f5, o5, e4, l5, c4, a5), w6 = v4.__e, (h5.ref != v4.ref || 8 & h5.__u) && (h5.ref && G(h5.ref, null, v4, h5), v4.ref && a5.push(v4.ref, v4.__c || w6, v4)), d5 = d5 || w6, 4 & v4.__u ? (l5 = A(v4, l5, n3, !h5.__v), h5.__e && (h5.__e = null)) : typeof v4.type == "function" && _5 !== void 0 ? l5 = _5 : w6 && (l5 = w6.nextSibling), v4.__u &= -21);
  return r4.__e = d5, l5;
}
function q(n3, t4, r4, u4, i4) {
  var f5, o5, e4, l5, c4, a5, s4, p5, y5, v4 = r4.length, d5 = v4, _5 = 0, g6 = 0, k4 = n3.__k = Array(i4);
  for (f5 = 0; f5 < i4; f5++) (o5 = t4[f5]) != null && typeof o5 != "boolean" && typeof o5 != "function" ? (typeof o5 != "object" || o5.constructor === String ? o5 = k4[f5] = m(null, o5) : w(o5) ? o5 = k4[f5] = m($, { children: o5 }) : o5.constructor === h && o5.__b ? o5 = k4[f5] = m(o5.type, o5.props, o5.key, o5.ref, o5.__v) : k4[f5] = o5, l5 = f5 + _5, o5.__ = n3, o5.__b = n3.__b + 1, e4 = null, ~(c4 = o5.__i = P(o5, r4, l5, d5)) && (d5--, (e4 = r4[c4]) && (e4.__u |= 2)), e4 && e4.__v ? (o5.__u |= 16, c4 == l5 - 1 ? _5-- : c4 == l5 + 1 ? _5++ : c4 != l5 && (c4 > l5 ? _5-- : _5++, g6 = 1)) : (~c4 || (i4 > v4 ? _5-- : i4 < v4 && _5++), typeof o5.type != "function" && (o5.__u |= 4))) : k4[f5] = null;
  if (g6) {
    for (a5 = [], s4 = [], f5 = 0; f5 < i4; f5++) if ((o5 = k4[f5]) && 16 & o5.__u) {
      for (_5 = 0, p5 = a5.length; _5 < p5; ) a5[y5 = _5 + p5 >> 1] < o5.__i ? _5 = y5 + 1 : p5 = y5;
      a5[_5] = o5.__i, s4[f5] = _5 + 1;
    }
    for (_5 = a5.length; f5--; ) s4[f5] && (s4[f5] == _5 ? _5-- : k4[f5].__u |= 4);
  }
  if (d5) for (f5 = 0; f5 < v4; f5++) !(e4 = r4[f5]) || 2 & e4.__u || (e4.__e == u4 && (u4 = S(e4)), J(e4, e4));
  return u4;
}
function A(n3, t4, r4, u4) {
  var i4, f5, o5, e4;
  if (typeof n3.type == "function") {
    if (n3.props.__P) return t4;
    if (i4 = n3.__k) for (f5 = 0; f5 < i4.length; f5++) i4[f5] && (i4[f5].__ = n3, t4 = A(i4[f5], t4, r4, !1));
    return t4;
  }
  for (t4 && !t4.parentNode && (t4 = S(n3)) && !t4.parentNode && (t4 = null), o5 = n3.__e, e4 = t4; e4 && e4.nodeType == 8; ) e4 = e4.nextSibling;
  for (o5 != e4 && (!u4 && r4.moveBefore && o5.parentNode ? r4.moveBefore(o5, t4) : r4.insertBefore(o5, t4 || null)), t4 = o5; (t4 = t4 && t4.nextSibling) && t4.nodeType == 8 && !t4.data.startsWith("$s"); ) ;
  return t4;
}
function P(n3, t4, r4, u4) {
  var i4, f5 = n3.key, o5 = n3.type, e4 = t4[r4], l5 = e4 && !(2 & e4.__u);
  if (e4 === null && f5 == null || l5 && f5 == e4.key && o5 == e4.type) return r4;
  if (u4 > (l5 ? 1 : 0)) {
    for (i4 = r4 - 1; i4 >= 0; i4--) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
    for (i4 = r4 + 1; i4 < t4.length; i4++) if ((e4 = t4[i4]) && !(2 & e4.__u) && f5 == e4.key && o5 == e4.type) return i4;
  }
  return -1;
}
function T(n3, t4, r4) {
  r4 == null && (r4 = ""), t4[0] == "-" ? n3.setProperty(t4, r4) : n3[t4] = r4;
}
function N(n3, t4, r4, u4, i4) {
  var f5, o5;
  if (t4 == "style") if (typeof r4 == "string") n3.style.cssText = r4;
  else {
    if (typeof u4 == "string" && (n3.style.cssText = u4 = ""), u4) for (t4 in u4) r4 && t4 in r4 || T(n3.style, t4);
    if (r4) for (t4 in r4) u4 && r4[t4] == u4[t4] || T(n3.style, t4, r4[t4]);
  }
  else if (t4[0] == "o" && t4[1] == "n") typeof r4 != "function" && (r4 = null), typeof u4 != "function" && (u4 = null), (n3.__e || (n3.__e = {}))[t4] = r4, r4 && u4 || (o5 = a[t4] || (a[t4] = V(t4)), (n3.__a || (n3.__a = {}))[t4] = c, f5 = t4 != (t4 = t4.replace(l, "$1")), (t4 = t4.slice(2))[0] < "a" && (t4 = t4.toLowerCase()), r4 ? n3.addEventListener(t4, o5, f5) : n3.removeEventListener(t4, o5, f5));
  else {
    if (i4 == "http://www.w3.org/2000/svg") t4 = t4.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
    else if (t4 != "width" && t4 != "height" && t4 != "href" && t4 != "list" && t4 != "form" && t4 != "tabIndex" && t4 != "download" && t4 != "rowSpan" && t4 != "colSpan" && t4 != "role" && t4 != "popover" && t4 in n3) try {
      return void (n3[t4] = r4 ?? "");
    } catch {
    }
    if (typeof r4 == "function") return;
    r4 == null || r4 === !1 && t4[4] != "-" ? n3.removeAttribute(t4) : n3.setAttribute(t4, t4 == "popover" && r4 == 1 ? "" : r4);
  }
}
function V(t4) {
  return function(r4) {
    var u4 = this.__e;
    if (u4) {
      if (u4 = u4[t4], r4[e] == null) r4[e] = c++;
      else if (r4[e] < this.__a[t4]) return;
      return u4(n.event ? n.event(r4) : r4);
    }
  };
}
function z(t4, r4, u4, i4, f5, o5, e4, l5, c4, a5) {
  var s4, p5, v4, d5, k4, b3, m5, M2, C4, j3, L3, H2, q3, A4, O3, P2, T4, N3, V3 = r4.type;
  if (r4.constructor !== h) return null;
  128 & u4.__u && (c4 = 32 & u4.__u, s4 = u4.__c.__z) && (r4.__u |= c4, p5 = o5 = [], s4.nodeType == 8 ? l5 = B(s4, o5) : o5.push(s4), l5 = o5[0] || l5), (s4 = n.__b) && s4(r4);
  n: if (typeof V3 == "function") {
    v4 = e4.length;
    try {
      if (M2 = r4.props, C4 = (s4 = V3.prototype) && s4.render, j3 = (s4 = V3.contextType) && i4[s4.__c], L3 = s4 ? j3 ? j3.props.value : s4.__ : i4, (d5 = u4.__c) ? (r4.__c = d5, 2 & d5.__g && (d5.__g |= 1)) : (C4 ? r4.__c = d5 = new V3(M2, L3) : (r4.__c = d5 = new x(M2, L3), d5.constructor = V3, d5.render = K), j3 && j3.sub(d5), d5.state || (d5.state = {}), d5.__n = i4, d5.__g |= 8, d5.__h = [], d5.__k = []), C4 && (d5.__s || (d5.__s = d5.state), V3.getDerivedStateFromProps && (d5.__s == d5.state && (d5.__s = _({}, d5.__s)), _(d5.__s, V3.getDerivedStateFromProps(M2, d5.__s)))), k4 = d5.props, b3 = d5.state, d5.__v = r4, u4.__c) {
        if (M2 !== k4 && C4 && !V3.getDerivedStateFromProps && d5.componentWillReceiveProps && d5.componentWillReceiveProps(M2, L3), r4.__v == u4.__v && !(8 & d5.__g) || !(4 & d5.__g) && d5.shouldComponentUpdate && d5.shouldComponentUpdate(M2, d5.__s, L3) === !1) {
          r4.__v != u4.__v && (d5.props = M2, d5.state = d5.__s, d5.__g &= -9), r4.__e = u4.__e, r4.__k = u4.__k, r4.__k.some(function(n3) {
            n3 && (n3.__ = r4);
          }), y.push.apply(d5.__h, d5.__k), d5.__k = [], d5.__h.length && e4.push(d5), l5 = S(u4);
          break n;
        }
        d5.componentWillUpdate && d5.componentWillUpdate(M2, d5.__s, L3), C4 && d5.componentDidUpdate && d5.__h.push(function() {
          d5.componentDidUpdate(k4, b3, m5);
        });
      } else C4 && !V3.getDerivedStateFromProps && d5.componentWillMount && d5.componentWillMount(), C4 && d5.componentDidMount && d5.__h.push(d5.componentDidMount);
      d5.context = L3, d5.props = M2, d5.__P = t4, d5.__g &= -5, H2 = n.__r, q3 = C4 ? 25 : 0;
      do
        d5.__g &= -9, H2 && H2(r4), s4 = d5.render(d5.props, d5.state = d5.__s, d5.context);
      while (8 & d5.__g && ++q3 < 25);
      C4 && (y.push.apply(d5.__h, d5.__k), d5.__k = []), d5.state = d5.__s, d5.getChildContext && (i4 = _({}, i4, d5.getChildContext())), C4 && u4.__c && d5.getSnapshotBeforeUpdate && (m5 = d5.getSnapshotBeforeUpdate(k4, b3)), A4 = s4 && s4.type === $ && s4.key == null ? s4.props.children : s4, M2.__P && (s4 = l5, f5 = (t4 = M2.__P).namespaceURI, c4 = o5 = null, u4.props && u4.props.__P != t4 && (u4.__k.some(function(n3) {
        n3 && J(n3, n3);
      }), u4.__k = null), l5 = u4.__k ? S(u4, 0) : null), l5 = I(t4, w(A4) ? A4 : [A4], r4, u4, i4, f5, o5, e4, l5, c4, a5), M2.__P && (r4.__e = null, l5 = s4), r4.__u &= -161, p5 && p5.some(g), d5.__h.length && e4.push(d5), 1 & d5.__g && (d5.__g &= -4);
    } catch (t5) {
      if (e4.length = v4, r4.__v = null, c4 || o5) if (t5 && t5.then) {
        if (r4.__u |= 128 | c4, o5) {
          for (~(T4 = o5.indexOf(l5 || void 0)) || (T4 = o5.length); (N3 = o5[T4 - 1]) && N3.nodeType == 8; ) T4--;
          for (; T4 < o5.length; T4++) if (N3 = o5[T4]) if (o5[T4] = null, O3) {
            if (N3 == P2) break;
          } else {
            if (N3.nodeType != 8) break;
            N3.data.startsWith("$s") && (P2 = B(O3 = N3));
          }
        }
        if (!O3) {
          for (; l5 && l5.nodeType == 8 && l5.nextSibling; ) l5 = l5.nextSibling;
          O3 = l5;
        }
        (s4 = B(O3 = r4.__c.__z || (r4.__c.__z = O3))) ? (r4.__e = O3, l5 = s4) : r4.__e = l5, l5 = l5 && l5.nextSibling;
      } else o5 && o5.some(g);
      else r4.__e = u4.__e;
      r4.__k || (r4.__k = u4.__k || []), t5 && t5.then || D(r4), n.__e(t5, r4, u4);
    }
  } else l5 = r4.__e = F(u4.__e, r4, u4, i4, f5, o5, e4, c4, a5, t4);
  return (s4 = n.diffed) && s4(r4), l5;
}
function B(n3, t4) {
  if (n3 && n3.nodeType == 8 && n3.data.startsWith("$s")) for (var r4 = 1; n3 = n3.nextSibling; ) {
    if (n3.nodeType == 8) {
      if (n3.data.startsWith("$s")) r4++;
      else if (n3.data.startsWith("/$s") && !--r4) return n3;
    }
    t4 && t4.push(n3);
  }
}
function D(n3) {
  n3 && (n3.__c && (n3.__c.__g |= 4), n3.__k && n3.__k.some(D));
}
function E(t4, r4, u4) {
  for (var i4 = 0; i4 < u4.length; ) G(u4[i4++], u4[i4++], u4[i4++]);
  n.__c && n.__c(r4, t4), t4.some(function(r5) {
    try {
      t4 = r5.__h, r5.__h = [], t4.some(function(n3) {
        n3.call(r5);
      });
    } catch (t5) {
      n.__e(t5, r5.__v);
    }
  });
}
function F(t4, r4, u4, i4, f5, o5, e4, l5, c4, a5) {
  var s4, h5, y5, _5, k4, b3, m5, M2, $2 = u4.props || p, x3 = r4.props, C4 = r4.type;
  if (C4 == "svg" ? f5 = "http://www.w3.org/2000/svg" : C4 == "math" ? f5 = "http://www.w3.org/1998/Math/MathML" : f5 || (f5 = "http://www.w3.org/1999/xhtml"), o5) {
    for (s4 = 0; s4 < o5.length; s4++) if ((k4 = o5[s4]) && (C4 ? k4.localName == C4 : k4.nodeType == 3)) {
      t4 = k4, o5[s4] = null;
      break;
    }
  }
  if (!t4) {
    if (M2 = a5.ownerDocument || document, !C4) return M2.createTextNode(x3);
    t4 = M2.createElementNS(f5, C4, x3.is ? x3 : a5), l5 && (n.__m && n.__m(r4, o5), l5 = !1), o5 = null;
  }
  if (C4) {
    if (a5 = C4 == "template" && t4.content || t4, o5 = C4 == "textarea" && x3.defaultValue != null ? null : o5 && d.call(a5.childNodes), !l5 && o5) for ($2 = {}, s4 = 0; s4 < t4.attributes.length; s4++) $2[(k4 = t4.attributes[s4]).name] = k4.value;
    for (s4 in $2) k4 = $2[s4], s4 == "dangerouslySetInnerHTML" ? y5 = k4 : s4 == "children" || s4 in x3 || s4 == "value" && "defaultValue" in x3 || s4 == "checked" && "defaultChecked" in x3 || N(t4, s4, null, k4, f5);
    for (s4 in x3) k4 = x3[s4], s4 == "children" ? _5 = k4 : s4 == "dangerouslySetInnerHTML" ? h5 = k4 : s4 == "value" ? b3 = k4 : s4 == "checked" ? m5 = k4 : l5 && typeof k4 != "function" || $2[s4] === k4 || N(t4, s4, k4, $2[s4], f5);
    h5 ? (l5 || y5 && (h5.__html == y5.__html || h5.__html == t4.innerHTML) || (t4.innerHTML = h5.__html), r4.__k = []) : (y5 && (t4.textContent = ""), (C4 == "foreignObject" || f5 == "http://www.w3.org/1998/Math/MathML" && v.test(C4)) && (f5 = "http://www.w3.org/1999/xhtml"), I(a5, w(_5) ? _5 : [_5], r4, u4, i4, f5, o5, e4, o5 ? o5[0] : u4.__k && S(u4, 0), l5, c4), o5 && o5.some(g)), l5 && C4 != "textarea" || (s4 = "value", C4 == "progress" && b3 == null ? t4.removeAttribute(s4) : b3 == null || b3 === t4[s4] && (C4 != "progress" || b3) || N(t4, s4, b3, $2[s4], f5), s4 = "checked", m5 != null && m5 != t4[s4] && N(t4, s4, m5, $2[s4], f5));
  } else $2 === x3 || l5 && t4.data == x3 || (t4.data = x3);
  return t4;
}
function G(t4, r4, u4, i4) {
  try {
    typeof t4 == "function" ? r4 ? r4.__x = t4(r4) || 1 : i4 && (i4 = i4.__c || i4.__e) && (r4 = i4.__x) && (i4.__x = null, typeof r4 == "function" ? r4() : t4(null)) : t4.current = r4;
  } catch (t5) {
    n.__e(t5, u4);
  }
}
function J(t4, r4, u4) {
  var i4, f5, o5, e4;
  if (n.unmount && n.unmount(t4), !(i4 = t4.ref) || i4.current && i4.current != t4.__e || G(i4, null, r4, t4), i4 = t4.__c) {
    if (i4.componentWillUnmount) try {
      i4.componentWillUnmount();
    } catch (t5) {
      n.__e(t5, r4);
    }
    i4.__P = i4.__n = null;
  }
  if (i4 = t4.__k) for (e4 = 0; e4 < i4.length; e4++) i4[e4] && J(i4[e4], r4, typeof t4.type != "function" || u4 && !t4.props.__P);
  !u4 && (i4 = t4.__c) && (i4 = i4.__z) && (f5 = B(i4, o5 = [])) && (i4 == t4.__e && o5.some(g), g(f5), g(i4)), u4 || g(t4.__e), t4.__e = t4.__c = t4.__ = null;
}
function K(n3, t4, r4) {
  return this.constructor(n3, r4);
}
function Q(t4, r4) {
  var u4, i4, f5, o5;
  n.__ && n.__(t4, r4), r4.nodeType == 9 && (r4 = r4.documentElement), i4 = (u4 = t4 && 32 & t4.__u) ? null : r4.__k, r4.__k = m($, { children: [t4] }), f5 = [], o5 = [], z(r4, r4.__k, i4 || p, p, r4.namespaceURI, i4 ? null : r4.firstChild ? d.call(r4.childNodes) : null, f5, i4 ? i4.__e : r4.firstChild, u4, o5), E(f5, r4.__k, o5), r4.__k.props.children = null;
}
n = { __e: function(n3, t4, r4, u4) {
  for (var i4, o5, e4; t4 = t4.__; ) if ((i4 = t4.__c) && !(1 & i4.__g)) {
    i4.__g |= 4;
    try {
      if ((e4 = (o5 = i4.constructor) && o5.getDerivedStateFromError) && i4.setState(o5.getDerivedStateFromError(n3)), i4.componentDidCatch && (i4.componentDidCatch(n3, u4 || {}), e4 = 1), e4 && 8 & i4.__g) return void (i4.__g |= 2);
    } catch (t5) {
      n3 = t5;
    }
  }
  throw f = 0, n3;
} }, t = 0, r = function(n3) {
  return n3 != null && n3.constructor === h;
}, x.prototype.setState = function(n3, t4) {
  var r4 = this.__s;
  r4 && r4 != this.state || (r4 = this.__s = _({}, this.state)), typeof n3 == "function" && (n3 = n3(_({}, r4), this.props)), n3 && (_(r4, n3), this.__v && (t4 && this.__k.push(t4), L(this)));
}, x.prototype.forceUpdate = function(n3) {
  this.__v && (this.__g |= 4, n3 && this.__h.push(n3), L(this));
}, x.prototype.render = $, u = [], f = 0, o = function(n3, t4) {
  return n3.__v.__b - t4.__v.__b;
}, e = /* @__PURE__ */ Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {}, s = 0;

// node_modules/preact/hooks/dist/hooks.mjs
var t2, r2, u2, i2, o2 = Object.is, f2 = 0, c2 = [], e2 = [], a2 = n, v2 = a2.__b, l2 = a2.__r, m2 = a2.diffed, h2 = a2.__c, s2 = a2.unmount, p2 = a2.__;
function y2(n3, t4) {
  a2.__h && a2.__h(r2, n3, f2 || t4), f2 = 0;
  var u4 = r2.__H || (r2.__H = { __: [], __h: [] });
  return n3 >= u4.__.length && u4.__.push({}), u4.__[n3];
}
function d2(n3) {
  return f2 = 1, _2(G2, n3);
}
function _2(n3, u4, i4) {
  var f5 = y2(t2++, 2);
  if (f5.t = n3, !f5.__c && (f5.__ = [i4 ? i4(u4) : G2(void 0, u4), function(n4) {
    var t4 = (f5.__N || f5.__)[0], r4 = f5.t(t4, n4);
    o2(t4, r4) || (f5.__N = [r4, f5.__[1]], f5.__c.setState({}));
  }], f5.__c = r2, !r2.__f)) {
    r2.__f = !0;
    var c4 = r2.shouldComponentUpdate;
    r2.shouldComponentUpdate = function(n4, t4, r4) {
      var u5 = this.__H;
      if (!u5) return !0;
      var i5 = !1, f6 = this.props != n4;
      if (u5.__.some(function(n5) {
        n5.__N && (i5 = !0, o2(n5.__[0], n5.__N[0]) || (f6 = !0));
      }), c4) {
        var e4 = c4.call(this, n4, t4, r4);
        return i5 ? e4 || f6 : e4;
      }
      return !i5 || f6;
    };
  }
  return f5.__;
}
function A2(n3, u4) {
  var i4 = y2(t2++, 3);
  !a2.__s && E2(i4.__H, u4) && (i4.__P = !0, i4.__ = n3, i4.u = u4, r2.__H.__h.push(i4));
}
function F2(n3, u4) {
  var i4 = y2(t2++, 4);
  !a2.__s && E2(i4.__H, u4) && (i4.__P = !1, i4.__ = n3, i4.u = u4, r2.__h.push(i4));
}
function T2(n3) {
  return f2 = 5, w2(function() {
    return { current: n3 };
  }, []);
}
function w2(n3, r4) {
  var u4 = y2(t2++, 7);
  return E2(u4.__H, r4) && (u4.__ = n3(), u4.__H = r4), u4.__;
}
function g2() {
  var n3;
  do {
    for (; n3 = e2.shift(); ) try {
      C2(n3);
    } catch (t5) {
      a2.__e(t5, { __: (n3 = n3.__P) && n3.__v });
    }
    for (; n3 = c2.shift(); ) {
      var t4 = n3.__H;
      if (n3.__P && t4) try {
        t4.__h.some(C2), t4.__h.some(D2), t4.__h = [];
      } catch (r4) {
        t4.__h = [], a2.__e(r4, n3.__v);
      }
    }
  } while (e2.length);
}
a2.__b = function(n3) {
  r2 = null, v2 && v2(n3);
}, a2.__ = function(n3, t4) {
  n3 && t4.__k && t4.__k.__m && (n3.__m = t4.__k.__m), p2 && p2(n3, t4);
}, a2.__r = function(n3) {
  l2 && l2(n3), t2 = 0;
  var i4 = (r2 = n3.__c).__H;
  i4 && (u2 == r2 ? r2.__h = [] : (i4.__h.some(C2), i4.__h.some(D2), t2 = 0), i4.__h = [], i4.__.some(function(n4) {
    n4.__N && (n4.__ = n4.__N), n4.u = n4.__N = void 0;
  })), u2 = r2;
}, a2.diffed = function(n3) {
  m2 && m2(n3);
  var t4 = n3.__c;
  t4 && t4.__H && (t4.__H.__h.length && B2(c2.push(t4)), t4.__H.__.some(function(n4) {
    n4.u && (n4.__H = n4.u);
  })), u2 = r2 = null;
}, a2.__c = function(n3, t4) {
  t4.some(function(n4) {
    try {
      n4.__h.some(C2), n4.__h = n4.__h.filter(function(n5) {
        return !n5.__ || D2(n5);
      });
    } catch (t5) {
      n4.__h = [function() {
        throw t5;
      }];
    }
  }), h2 && h2(n3, t4);
}, a2.unmount = function(n3) {
  s2 && s2(n3);
  var t4, r4, u4 = n3.__c;
  u4 && u4.__H && (u4.__H.__.some(function(u5) {
    try {
      if (u5.__P && u5.__c) {
        if (r4 === void 0) {
          for (r4 = n3.__; r4 && (!r4.__c || !r4.__c.__P); ) r4 = r4.__;
          r4 = r4 && r4.__c;
        }
        u5.__P = r4, B2(e2.push(u5));
      } else C2(u5);
    } catch (n4) {
      t4 = n4;
    }
  }), u4.__H = void 0, t4 && a2.__e(t4, u4.__v));
};
var k2 = typeof requestAnimationFrame == "function";
function z2(n3) {
  var t4, r4 = function() {
    clearTimeout(u4), k2 && cancelAnimationFrame(t4), setTimeout(n3);
  }, u4 = setTimeout(r4, 35);
  k2 && (t4 = requestAnimationFrame(r4));
}
function B2(n3) {
  n3 != 1 && i2 == a2.requestAnimationFrame || ((i2 = a2.requestAnimationFrame) || z2)(g2);
}
function C2(n3) {
  var t4 = r2, u4 = n3.__c;
  typeof u4 == "function" && (n3.__c = void 0, u4()), r2 = t4;
}
function D2(n3) {
  var t4 = r2;
  n3.__c = n3.__(), r2 = t4;
}
function E2(n3, t4) {
  return !n3 || n3.length != t4.length || t4.some(function(t5, r4) {
    return !o2(t5, n3[r4]);
  });
}
function G2(n3, t4) {
  return typeof t4 == "function" ? t4(n3) : t4;
}

// node_modules/@preact/signals-core/dist/signals-core.module.js
var i3 = /* @__PURE__ */ Symbol.for("preact-signals");
function t3() {
  if (v3 > 1)
    v3--;
  else {
    var i4, t4 = !1;
    for ((function() {
      var i5 = c3;
      for (c3 = void 0; i5 !== void 0; ) {
        var t5 = i5.S;
        if (t5.v === i5.v) for (var r5 = t5.t; r5 !== void 0; r5 = r5.x) r5.i === i5.i && (r5.i = t5.i);
        i5 = i5.o;
      }
    })(); h3 !== void 0; ) {
      var r4 = h3;
      for (h3 = void 0, s3++; r4 !== void 0; ) {
        var n3 = r4.u;
        if (r4.u = void 0, r4.f &= -3, !(8 & r4.f) && w3(r4)) try {
          r4.c();
        } catch (r5) {
          t4 || (i4 = r5, t4 = !0);
        }
        r4 = n3;
      }
    }
    if (s3 = 0, v3--, t4) throw i4;
  }
}
function r3(i4) {
  if (v3 > 0) return i4();
  u3 = ++e3, v3++;
  try {
    return i4();
  } finally {
    t3();
  }
}
var n2, o3 = void 0;
function f3(i4) {
  var t4 = o3, r4 = n2;
  o3 = void 0, n2 = void 0;
  try {
    return i4();
  } finally {
    o3 = t4, n2 = r4;
  }
}
var h3 = void 0, v3 = 0, s3 = 0, e3 = 0, u3 = 0, c3 = void 0, a3 = 0;
function d3(i4) {
  if (o3 !== void 0) {
    var t4 = i4.n;
    if (t4 === void 0 || t4.t !== o3)
      return t4 = { i: 0, S: i4, p: o3.s, n: void 0, t: o3, e: void 0, x: void 0, r: t4 }, o3.s !== void 0 && (o3.s.n = t4), o3.s = t4, i4.n = t4, 32 & o3.f && i4.S(t4), t4;
    if (t4.i === -1)
      return t4.i = 0, t4.n !== void 0 && (t4.n.p = t4.p, t4.p !== void 0 && (t4.p.n = t4.n), t4.p = o3.s, t4.n = void 0, o3.s.n = t4, o3.s = t4), t4;
  }
}
function l3(i4, t4) {
  this.v = i4, this.i = 0, this.n = void 0, this.t = void 0, this.l = 0, this.W = t4?.watched, this.Z = t4?.unwatched, this.name = t4?.name;
}
l3.prototype.brand = i3;
l3.prototype.h = function() {
  return !0;
};
l3.prototype.S = function(i4) {
  var t4 = this, r4 = this.t;
  r4 !== i4 && i4.e === void 0 && (i4.x = r4, this.t = i4, r4 !== void 0 ? r4.e = i4 : f3(function() {
    var i5;
    (i5 = t4.W) == null || i5.call(t4);
  }));
};
l3.prototype.U = function(i4) {
  var t4 = this;
  if (this.t !== void 0) {
    var r4 = i4.e, n3 = i4.x;
    r4 !== void 0 && (r4.x = n3, i4.e = void 0), n3 !== void 0 && (n3.e = r4, i4.x = void 0), i4 === this.t && (this.t = n3, n3 === void 0 && f3(function() {
      var i5;
      (i5 = t4.Z) == null || i5.call(t4);
    }));
  }
};
l3.prototype.subscribe = function(i4) {
  var t4 = this;
  return x2(function() {
    var r4 = t4.value;
    f3(function() {
      return i4(r4);
    });
  }, { name: "sub" });
};
l3.prototype.valueOf = function() {
  return this.value;
};
l3.prototype.toString = function() {
  return this.value + "";
};
l3.prototype.toJSON = function() {
  return this.value;
};
l3.prototype.peek = function() {
  var i4 = this;
  return f3(function() {
    return i4.value;
  });
};
Object.defineProperty(l3.prototype, "value", { get: function() {
  var i4 = d3(this);
  return i4 !== void 0 && (i4.i = this.i), this.v;
}, set: function(i4) {
  if (i4 !== this.v) {
    if (s3 > 100) throw new Error("Cycle detected");
    (function(i5) {
      v3 !== 0 && s3 === 0 && i5.l !== u3 && (i5.l = u3, c3 = { S: i5, v: i5.v, i: i5.i, o: c3 });
    })(this), this.v = i4, this.i++, a3++, v3++;
    try {
      for (var r4 = this.t; r4 !== void 0; r4 = r4.x) r4.t.N();
    } finally {
      t3();
    }
  }
} });
function y3(i4, t4) {
  return new l3(i4, t4);
}
function w3(i4) {
  for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) if (t4.S.i !== t4.i || !t4.S.h() || t4.S.i !== t4.i) return !0;
  return !1;
}
function b(i4) {
  for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) {
    var r4 = t4.S.n;
    if (r4 !== void 0 && (t4.r = r4), t4.S.n = t4, t4.i = -1, t4.n === void 0) {
      i4.s = t4;
      break;
    }
  }
}
function _3(i4) {
  for (var t4 = i4.s, r4 = void 0; t4 !== void 0; ) {
    var n3 = t4.p;
    t4.i === -1 ? (t4.S.U(t4), n3 !== void 0 && (n3.n = t4.n), t4.n !== void 0 && (t4.n.p = n3)) : r4 = t4, t4.S.n = t4.r, t4.r !== void 0 && (t4.r = void 0), t4 = n3;
  }
  i4.s = r4;
}
function j2(i4, t4) {
  l3.call(this, void 0, t4), this.x = i4, this.s = void 0, this.g = a3 - 1, this.f = 4;
}
j2.prototype = new l3();
j2.prototype.h = function() {
  if (this.f &= -3, 1 & this.f) return !1;
  if ((36 & this.f) == 32 || (this.f &= -5, this.g === a3)) return !0;
  if (this.g = a3, this.f |= 1, this.i > 0 && !w3(this))
    return this.f &= -2, !0;
  var i4 = o3;
  try {
    b(this), o3 = this;
    var t4 = this.x();
    (16 & this.f || this.v !== t4 || this.i === 0) && (this.v = t4, this.f &= -17, this.i++);
  } catch (i5) {
    this.v = i5, this.f |= 16, this.i++;
  }
  return o3 = i4, _3(this), this.f &= -2, !0;
};
j2.prototype.S = function(i4) {
  if (this.t === void 0) {
    this.f |= 36;
    for (var t4 = this.s; t4 !== void 0; t4 = t4.n) t4.S.S(t4);
  }
  l3.prototype.S.call(this, i4);
};
j2.prototype.U = function(i4) {
  if (this.t !== void 0 && (l3.prototype.U.call(this, i4), this.t === void 0)) {
    this.f &= -33;
    for (var t4 = this.s; t4 !== void 0; t4 = t4.n) t4.S.U(t4);
  }
};
j2.prototype.N = function() {
  if (!(2 & this.f)) {
    this.f |= 6;
    for (var i4 = this.t; i4 !== void 0; i4 = i4.x) i4.t.N();
  }
};
Object.defineProperty(j2.prototype, "value", { get: function() {
  if (1 & this.f) throw new Error("Cycle detected");
  var i4 = d3(this);
  if (this.h(), i4 !== void 0 && (i4.i = this.i), 16 & this.f) throw this.v;
  return this.v;
} });
function O(i4, t4) {
  return new j2(i4, t4);
}
function p3(i4) {
  var r4 = i4.j;
  if (i4.j = void 0, typeof r4 == "function") {
    v3++;
    var n3 = o3;
    o3 = void 0;
    try {
      r4();
    } catch (t4) {
      throw i4.f &= -2, i4.f |= 8, g3(i4), t4;
    } finally {
      o3 = n3, t3();
    }
  }
}
function g3(i4) {
  for (var t4 = i4.s; t4 !== void 0; t4 = t4.n) t4.S.U(t4);
  i4.x = void 0, i4.s = void 0, p3(i4);
}
function S2(i4) {
  if (o3 !== this) throw new Error("Out-of-order effect");
  _3(this), o3 = i4, this.f &= -2;
  try {
    8 & this.f && g3(this);
  } finally {
    t3();
  }
}
function m3(i4, t4) {
  this.x = i4, this.j = void 0, this.s = void 0, this.u = void 0, this.f = 32, this.name = t4?.name, n2 && n2.push(this);
}
m3.prototype.c = function() {
  var i4 = this.S();
  try {
    if (8 & this.f || this.x === void 0) return;
    var t4 = this.x();
    typeof t4 == "function" && (this.j = t4);
  } finally {
    i4();
  }
};
m3.prototype.S = function() {
  if (1 & this.f) throw new Error("Cycle detected");
  this.f |= 1, this.f &= -9, p3(this), b(this), v3++;
  var i4 = o3;
  return o3 = this, S2.bind(this, i4);
};
m3.prototype.N = function() {
  2 & this.f || (this.f |= 2, this.u = h3, h3 = this);
};
m3.prototype.d = function() {
  this.f |= 8, 1 & this.f || g3(this);
};
m3.prototype.dispose = function() {
  this.d();
};
function x2(i4, t4) {
  var r4 = new m3(i4, t4);
  try {
    r4.c();
  } catch (i5) {
    throw r4.d(), i5;
  }
  var n3 = r4.d.bind(r4);
  return n3[Symbol.dispose] = n3, n3;
}

// node_modules/@preact/signals/dist/signals.module.js
var h4, d4, p4, m4 = typeof window < "u" && !!window.__PREACT_SIGNALS_DEVTOOLS__;
var g4 = [];
x2(function() {
  h4 = this.N;
})();
function b2(i4, n3) {
  n[i4] = n3.bind(null, n[i4] || function() {
  });
}
function y4(i4) {
  if (p4) {
    var n3 = p4;
    p4 = void 0, n3();
  }
  p4 = i4 && i4.S();
}
function w4(i4) {
  var n3 = this, r4 = i4.data, t4 = useSignal(r4);
  t4.name = "ReactiveDom", t4.value = r4;
  var e4 = w2(function() {
    for (var i5 = n3, r5 = n3.__v; r5 = r5.__; ) if (r5.__c) {
      r5.__c.__$f |= 4;
      break;
    }
    var o5 = O(function() {
      var i6 = t4.value.value;
      return i6 === 0 ? 0 : i6 === !0 ? "" : i6 || "";
    }), e5 = O(function() {
      return !Array.isArray(o5.value) && !r(o5.value);
    }), u5 = x2(function() {
      if (this.N = M, e5.value) {
        var n4 = o5.value;
        i5.__v && i5.__v.__e && i5.__v.__e.nodeType === 3 && (i5.__v.__e.data = n4);
      }
    }), c5 = n3.__$u.d;
    return n3.__$u.d = function() {
      u5(), c5.call(this);
    }, [e5, o5];
  }, []), u4 = e4[0], c4 = e4[1];
  return u4.value ? c4.peek() : c4.value;
}
w4.displayName = "ReactiveTextNode";
Object.defineProperties(l3.prototype, { constructor: { configurable: !0, value: k($, null).constructor }, type: { configurable: !0, value: w4 }, props: { configurable: !0, get: function() {
  var i4 = this;
  return { data: { get value() {
    return i4.value;
  } } };
} }, __b: { configurable: !0, value: 1 } });
b2("__b", function(i4, n3) {
  if (y4(), d4 = void 0, typeof n3.type == "string") {
    var r4, t4 = n3.props;
    for (var f5 in t4) if (f5 !== "children") {
      var o5 = t4[f5];
      o5 instanceof l3 && (r4 || (n3.__np = r4 = {}), r4[f5] = o5, t4[f5] = o5.peek());
    }
  }
  i4(n3);
});
b2("__r", function(i4, r4) {
  if (i4(r4), r4.type !== $) {
    y4();
    var t4, f5 = r4.__c;
    f5 && (f5.__$f &= -2, (t4 = f5.__$u) === void 0 && (f5.__$u = t4 = (function(i5, n3) {
      var r5;
      return x2(function() {
        r5 = this;
      }, { name: n3 }), r5.c = i5, r5;
    })(/* @__PURE__ */ (function(i5) {
      return function() {
        var n3;
        m4 && ((n3 = this.y) == null || n3.call(this)), i5.__$f |= 1, i5.setState({});
      };
    })(f5), typeof r4.type == "function" ? r4.type.displayName || r4.type.name : ""))), d4 = f5, y4(t4);
  }
});
b2("__e", function(i4, n3, r4, t4) {
  y4(), d4 = void 0, i4(n3, r4, t4);
});
b2("diffed", function(i4, n3) {
  y4(), d4 = void 0;
  var r4;
  if (typeof n3.type == "string" && (r4 = n3.__e)) {
    var t4 = n3.__np, f5 = n3.props, o5 = r4.U;
    if (o5) for (var e4 in o5) {
      var u4 = o5[e4];
      u4 === void 0 || t4 && e4 in t4 || (u4.d(), o5[e4] = void 0);
    }
    if (t4) {
      o5 || (o5 = {}, r4.U = o5);
      for (var a5 in t4) {
        var c4 = o5[a5], v4 = t4[a5];
        c4 === void 0 ? (c4 = k3(r4, a5, v4, f5), o5[a5] = c4) : c4.o(v4, f5);
      }
    }
  }
  i4(n3);
});
function k3(i4, n3, r4, t4) {
  var f5 = n3 in i4 && i4.ownerSVGElement === void 0, o5 = y3(r4);
  return { o: function(i5, n4) {
    o5.value = i5, t4 = n4;
  }, d: x2(function() {
    this.N = M;
    var r5 = o5.value.value;
    t4[n3] !== r5 && (t4[n3] = r5, f5 ? i4[n3] = r5 : r5 != null && (r5 !== !1 || n3[4] === "-") ? i4.setAttribute(n3, r5) : i4.removeAttribute(n3));
  }) };
}
b2("unmount", function(i4, n3) {
  if (typeof n3.type == "string") {
    var r4 = n3.__e;
    if (r4) {
      var t4 = r4.U;
      if (t4) {
        r4.U = void 0;
        for (var f5 in t4) {
          var o5 = t4[f5];
          o5 && o5.d();
        }
      }
    }
    var e4 = n3.__np;
    if (e4) {
      var u4 = n3.props;
      for (var a5 in e4) u4[a5] = e4[a5];
    }
    n3.__np = void 0;
  } else {
    var c4 = n3.__c;
    if (c4) {
      c4.__$f |= 8;
      var v4 = c4.__$u;
      v4 && (c4.__$u = void 0, v4.d());
    }
  }
  i4(n3);
});
b2("__h", function(i4, n3, r4, t4) {
  t4 < 3 && (n3.__$f |= 2), i4(n3, r4, t4);
});
x.prototype.shouldComponentUpdate = function(i4, n3) {
  if (this.__R) return !0;
  var r4 = this.__$u, t4 = r4 && r4.s !== void 0;
  for (var f5 in n3) return !0;
  if (this.__f || typeof this.u == "boolean" && this.u === !0) {
    var o5 = 2 & this.__$f;
    if (!(t4 || o5 || 4 & this.__$f) || 1 & this.__$f) return !0;
  } else if (!(t4 || 4 & this.__$f) || 3 & this.__$f) return !0;
  for (var e4 in i4) if (e4 !== "__source" && i4[e4] !== this.props[e4]) return !0;
  for (var u4 in this.props) if (!(u4 in i4)) return !0;
  return !1;
};
function useSignal(i4, n3) {
  return w2(function() {
    return y3(i4, n3);
  }, []);
}
var A3 = function(i4) {
  queueMicrotask(function() {
    queueMicrotask(i4);
  });
};
function F3() {
  r3(function() {
    for (var i4; i4 = g4.shift(); ) h4.call(i4);
  });
}
function M() {
  g4.push(this) === 1 && (n.requestAnimationFrame || A3)(F3);
}

// src/api.ts
var KEY = "jarvis.key", TIMEOUT_MS = 2e4, ApiError = class extends Error {
  constructor(status2, code, message) {
    super(message);
    this.status = status2;
    this.code = code;
  }
  status;
  code;
}, keyWanted = y3(null), held = readKey();
function readKey() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
function hasKey() {
  return held !== null;
}
function setKey(key) {
  held = key, keyWanted.value = null;
  try {
    key === null ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, key);
  } catch {
    return;
  }
}
function headers() {
  let all = { "x-jarvis-surface": "console" };
  return held !== null && (all.authorization = `Bearer ${held}`), all;
}
function get(path) {
  return request("GET", path);
}
function post(path, body) {
  return request("POST", path, body);
}
async function request(method, path, body) {
  let all = headers();
  body !== void 0 && (all["content-type"] = "application/json");
  let response, text;
  try {
    let content = body === void 0 ? {} : { body: JSON.stringify(body) }, signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(`/v1/jarvis${path}`, { method, headers: all, signal, cache: "no-store", ...content }), text = await response.text();
  } catch {
    throw new ApiError(0, null, "Jarvis did not answer. Is it running, and is the network up?");
  }
  if (!response.ok) throw refused(response.status, text, all);
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    throw new ApiError(response.status, null, "Jarvis sent an answer that is not JSON.");
  }
}
function refused(status2, text, sent) {
  let current = sent.authorization === headers().authorization;
  status2 === 401 && current && (keyWanted.value = hasKey() ? "refused" : "missing");
  try {
    let error = JSON.parse(text).error;
    if (typeof error?.message == "string")
      return new ApiError(status2, typeof error.code == "string" ? error.code : null, error.message);
  } catch {
    return new ApiError(status2, null, `The server answered with status ${status2}.`);
  }
  return new ApiError(status2, null, `The server answered with status ${status2}.`);
}
function sentence(error) {
  return error instanceof ApiError ? error.message : "Jarvis sent an answer that this page does not understand. Reload the page.";
}

// src/text.ts
var ANSI = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?/g, CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, BIDI_OVERRIDE = /[\u202a-\u202e\u2066-\u2069]/g, INVISIBLE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;
function clean(text) {
  return text.replace(/\r\n?/g, `
`).replace(ANSI, "").replace(CONTROL, "").replace(BIDI_OVERRIDE, "");
}
function exact(text) {
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
function safeHref(href2) {
  try {
    let url = new URL(href2);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
var ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
function decodeEntities(text) {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));/g, (whole, decimal, hex, name) => {
    if (name !== void 0) return ENTITIES[name] ?? whole;
    let code = decimal !== void 0 ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
    return code > 0 && code <= 1114111 ? clean(String.fromCodePoint(code)) : whole;
  });
}
function countdown(until, now2) {
  let seconds = Math.max(0, Math.ceil((until - now2) / 1e3)), two = (value) => String(value).padStart(2, "0"), [h5, m5, s4] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h5 > 0 ? `${h5}:${two(m5)}:${two(s4)}` : `${m5}:${two(s4)}`;
}
function duration(milliseconds) {
  let seconds = Math.max(0, Math.floor(milliseconds / 1e3)), [d5, h5, m5] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return d5 > 0 ? `${d5} d ${h5} h` : h5 > 0 ? `${h5} h ${m5} min` : m5 > 0 ? `${m5} min` : `${seconds} s`;
}
function clock(at2, now2) {
  let time = new Date(at2), [hours, minutes] = [String(time.getHours()).padStart(2, "0"), String(time.getMinutes()).padStart(2, "0")];
  if (time.toDateString() === new Date(now2).toDateString()) return `${hours}:${minutes}`;
  let month = time.toLocaleString("en", { month: "short" });
  return `${time.getDate()} ${month} ${hours}:${minutes}`;
}

// src/words.ts
function toolText(line, waits2) {
  let name = exact(line.target ? `${line.name} ${line.target}` : line.name);
  switch (line.status) {
    case "running":
      return `${name}: running…`;
    case "ok":
      return `${name} ✓`;
    case "error":
      return `${name}: failed`;
    case "denied":
      return `${name}: denied`;
    case "pending":
      return `${name}: ${waits2 ? "waiting for" : "asked for"} approval ${exact(line.approval ?? "")}`.trimEnd();
    case "interrupted":
      return `${name}: interrupted`;
    case "skipped":
      return `${name}: skipped`;
  }
}
var BOUNDS = {
  cancelled: "Stopped by you.",
  model_calls: "Stopped: this turn reached its limit of model calls.",
  tool_calls: "Stopped: this turn reached its limit of tool calls.",
  wall_clock: "Stopped: this turn reached its time limit.",
  errors: "Stopped: too many errors in a row.",
  repeats: "Stopped: the same call was repeated without progress.",
  failed: "This turn failed.",
  shutdown: "Stopped: Jarvis was shut down."
};
function whyText(why) {
  return !why || why === "answered" ? null : BOUNDS[why] ?? `Stopped: ${exact(why)}.`;
}
var RANK = {
  pending: 0,
  approved: 1,
  denied: 3,
  expired: 3,
  executing: 2,
  done: 3,
  failed: 3,
  stale: 3
};
function laterApproval(known, other) {
  return known && RANK[known.status] > RANK[other.status] ? known : other;
}
function canAskAgain(card) {
  return card.status === "expired" || card.status === "stale" || card.status === "failed" || card.status === "denied";
}
function approvalText(card) {
  let by = card.decided_by ? ` by ${exact(card.decided_by)}` : "";
  switch (card.status) {
    case "pending":
      return "Waiting for a decision";
    case "approved":
      return `Approved${by}, about to be done`;
    case "executing":
      return `Approved${by}, being done now`;
    case "done":
      return `Approved${by} and done`;
    case "failed":
      return `Approved${by}, but it failed`;
    case "denied":
      return `Denied${by}`;
    case "expired":
      return "Expired without a decision";
    case "stale":
      return "Not done: things changed since the plan was made. Ask again.";
  }
}
function outcomeText(card) {
  let outcome = card.outcome;
  return outcome?.summary ?? outcome?.error ?? outcome?.reason ?? outcome?.says ?? null;
}
function targetText(target, now2) {
  switch (target.state) {
    case "closed":
      return "In use";
    case "open":
      return target.open_until === null ? "Left alone for now" : target.open_until > now2 ? `Left alone, next try in ${countdown(target.open_until, now2)}` : "Left alone, next try is due";
    case "half_open":
      return "Being tried";
    case "hard_down":
      return "Down until someone acts: wrong key or no money";
    case "missing":
      return "The host does not have this model";
  }
}
var WARMTH = {
  unknown: null,
  cold: "not loaded",
  loading: "being loaded",
  warm_slow: "loaded, partly in slow memory",
  warm: "loaded"
};
function knownText(target) {
  let { context, rates } = target, tokens = context.effective ?? context.max;
  return [
    WARMTH[target.warmth],
    tokens === null ? null : `reads up to ${tokens} tokens`,
    rates.answer === null ? null : `writes ${Math.round(rates.answer)} tokens a second`,
    target.capabilities === null ? null : `can do ${target.capabilities.map(exact).join(", ")}`
  ].filter((part) => part !== null).join(" · ");
}

// src/state.ts
var MAX_RUNS = 50, MAX_ENDED = 200, emptyThread = { conversation_id: null, messages: [], more: !1, loading: !1, error: null }, conversations = y3([]), thread = y3(emptyThread), outgoing = y3([]), runs = y3(/* @__PURE__ */ new Map()), approvals = y3(/* @__PURE__ */ new Map()), targets = y3([]), status = y3(null), loaded = y3(!1), loadError = y3(null), now = y3(Date.now()), pending = O(() => [...approvals.value.values()].filter((card) => card.status === "pending")), openRuns = O(
  () => [...runs.value.values()].filter((run) => run.conversation_id === thread.value.conversation_id)
), answering = O(() => openRuns.value.some((run) => !run.finished)), ended = /* @__PURE__ */ new Set();
function apply(events2) {
  r3(() => {
    for (let event of events2)
      try {
        applyOne(event);
      } catch (error) {
        console.error("an event was not understood", error);
      }
  });
}
function applyOne(event) {
  switch (event.type) {
    case "message":
      return addMessages([event.message]);
    case "run":
      return changeRun(
        event,
        (run) => event.state === "started" ? { ...run, whole: !0 } : { ...run, finished: !0, why: event.why ?? null, tools: run.tools.map(interrupted) }
      );
    case "delta":
      return changeRun(event, (run) => run.whole ? { ...run, text: run.text + event.text } : run);
    case "reset":
      return changeRun(event, (run) => ({ ...run, whole: !0, text: "" }));
    case "tool":
      return changeRun(event, (run) => ({ ...run, tools: withTool(run.tools, event) }));
    case "approval":
      return addApprovals([event.approval]);
    case "target":
      targets.value = targets.value.map((known) => known.name === event.target.name ? event.target : known);
      return;
    case "config":
    case "reload":
      return;
  }
}
function interrupted(line) {
  return line.status === "running" ? { ...line, status: "interrupted" } : line;
}
function withTool(lines, event) {
  let { call_id, name, target, status: status2, approval } = event, line = { call_id, name, target, status: status2, ...approval ? { approval } : {} };
  return lines.some((known) => known.call_id === line.call_id) ? lines.map((known) => known.call_id === line.call_id ? line : known) : [...lines, line];
}
function changeRun(of, change) {
  if (ended.has(of.run_id)) return;
  let all = new Map(runs.value), { run_id, conversation_id } = of, known = all.get(run_id);
  all.set(run_id, change(known ?? { run_id, conversation_id, text: "", whole: !1, tools: [], finished: !1, why: null }));
  let oldest = all.keys().next();
  all.size > MAX_RUNS && !oldest.done && all.delete(oldest.value), runs.value = all;
}
function addMessages(messages) {
  let here = messages.filter((message) => message.conversation_id === thread.value.conversation_id);
  if (here.length > 0) {
    let sorted = [...new Map([...thread.value.messages, ...here].map((message) => [message.id, message])).values()].sort((a5, b3) => a5.id < b3.id ? -1 : 1);
    thread.value = { ...thread.value, messages: sorted };
  }
  for (let message of messages)
    message.role === "assistant" && message.run_id !== null && endRun(message.run_id), message.role === "user" && settle(message), touch(message);
}
function endRun(runId) {
  ended.add(runId);
  let oldest = ended.values().next();
  if (ended.size > MAX_ENDED && !oldest.done && ended.delete(oldest.value), !runs.value.has(runId)) return;
  let all = new Map(runs.value);
  all.delete(runId), runs.value = all;
}
function settle(message) {
  let sent = outgoing.value.find(
    (mine) => mine.conversation_id === message.conversation_id && mine.error === null && mine.text === message.text
  );
  sent && (outgoing.value = outgoing.value.filter((mine) => mine !== sent));
}
function touch(message) {
  let known = conversations.value.find((one) => one.id === message.conversation_id);
  if (known && message.created_at <= known.updated_at && known.title !== "") return;
  let id = message.conversation_id, created = known?.created_at ?? message.created_at, title = known?.title || (message.role === "user" ? message.text.trim().slice(0, 80) : ""), newer = { id, title, created_at: created, updated_at: Math.max(message.created_at, known?.updated_at ?? 0) };
  conversations.value = [newer, ...conversations.value.filter((one) => one !== known)].sort(
    (a5, b3) => b3.updated_at - a5.updated_at
  );
}
function addApprovals(cards) {
  let all = new Map(approvals.value);
  for (let card of cards) all.set(card.id, laterApproval(all.get(card.id), card));
  approvals.value = all;
}
function forgetRuns() {
  runs.value = /* @__PURE__ */ new Map();
}
function waits(line, live) {
  let card = approvals.value.get(line.approval ?? "");
  return card ? card.status === "pending" : live;
}

// src/load.ts
var PAGE = 50, MAX_HELD = 2e4, load = 0, held2 = null, incomplete = !1;
function receive(lines) {
  let events2 = lines.flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  for (let event of events2)
    event.type === "reload" || event.type === "config" ? loadAll() : held2 !== null && held2.length < MAX_HELD ? held2.push(event) : apply([event]);
}
function connected(fresh) {
  (fresh || incomplete) && loadAll();
}
async function loadAll() {
  load += 1;
  let mine = load;
  held2 = [], forgetRuns();
  let failures = [], take = async (path, use) => {
    try {
      let body = await get(path);
      mine === load && r3(() => use(body));
    } catch (error) {
      failures.push(error);
    }
  };
  if (await Promise.all([
    take(`/conversations?limit=${PAGE}`, (body) => conversations.value = body.conversations),
    take("/approvals?status=pending", (body) => takeApprovals(body.approvals)),
    take("/targets", (body) => targets.value = body.targets),
    take("/status", (body) => status.value = body),
    thread.value.conversation_id === null ? null : loadThread(!0)
  ]), mine !== load) return;
  let waiting = held2 ?? [];
  held2 = null, incomplete = failures.length > 0, r3(() => {
    loaded.value ||= failures.length === 0, loadError.value = incomplete ? sentence(failures[0]) : null, apply(waiting);
  });
}
function takeApprovals(open) {
  let gone = pending.value.filter((card) => !open.some((other) => other.id === card.id));
  addApprovals(open);
  for (let card of gone) loadApproval(card.id);
}
async function loadApproval(id) {
  try {
    addApprovals([await get(`/approvals/${encodeURIComponent(id)}`)]);
  } catch (error) {
    error instanceof ApiError && error.status === 404 && (approvals.value = new Map([...approvals.value].filter(([known]) => known !== id)));
  }
}
function openConversation(id) {
  thread.value.conversation_id !== id && (thread.value = { ...emptyThread, conversation_id: id }, id !== null && loadThread(!1));
}
async function loadThread(anew) {
  await page(null, anew);
}
async function loadOlder() {
  let { messages, more, loading } = thread.value, first = messages[0];
  more && !loading && first && await page(first.id, !1);
}
async function page(before, anew) {
  let id = thread.value.conversation_id;
  if (id === null) return;
  thread.value = { ...thread.value, loading: !0, error: null };
  let query = before === null ? "" : `&before=${encodeURIComponent(before)}`;
  try {
    let path = `/conversations/${encodeURIComponent(id)}/messages?limit=${PAGE}${query}`, { messages } = await get(path);
    if (thread.value.conversation_id !== id) return;
    r3(() => {
      let kept = anew ? [] : thread.value.messages;
      thread.value = { ...thread.value, messages: kept, loading: !1, more: messages.length >= PAGE }, addMessages(messages);
    });
  } catch (error) {
    if (thread.value.conversation_id !== id) return;
    thread.value = { ...thread.value, loading: !1, error: sentence(error) };
  }
}

// src/route.ts
var VIEWS = ["chat", "conversations", "approvals", "models", "audit"], route = y3(parse(location.hash));
function parse(hash) {
  let [, view, conversation] = hash.split("/"), known = VIEWS.find((one) => one === view) ?? "chat";
  return { view: known, conversation: known === "chat" && conversation ? conversation : null };
}
function href(to) {
  return to.conversation === null ? `#/${to.view}` : `#/${to.view}/${to.conversation}`;
}
function go(to) {
  location.hash = href(to);
}

// src/acts.ts
async function say(text) {
  let id = thread.value.conversation_id;
  try {
    id ??= await startConversation();
  } catch (error) {
    return thread.value = { ...thread.value, error: sentence(error) }, !1;
  }
  let mine = { id: randomId(), conversation_id: id, text, error: null };
  return outgoing.value = [...outgoing.value, mine], deliver(mine), !0;
}
async function startConversation() {
  let made = await post("/conversations", {});
  return conversations.value.some((one) => one.id === made.id) || (conversations.value = [made, ...conversations.value]), thread.value = { ...emptyThread, conversation_id: made.id }, go({ view: "chat", conversation: made.id }), made.id;
}
async function deliver(mine) {
  let set = (error) => {
    outgoing.value = outgoing.value.map((one) => one.id === mine.id ? { ...one, error } : one);
  };
  set(null);
  try {
    let path = `/conversations/${encodeURIComponent(mine.conversation_id)}/messages`, { message } = await post(path, { text: mine.text, id: mine.id });
    outgoing.value = outgoing.value.filter((one) => one.id !== mine.id), addMessages([message]);
  } catch (error) {
    set(sentence(error));
  }
}
function discard(mine) {
  outgoing.value = outgoing.value.filter((one) => one.id !== mine.id);
}
var stopping = y3(null);
async function stop() {
  let id = thread.value.conversation_id;
  if (!(id === null || !answering.value)) {
    stopping.value = id;
    try {
      await post(`/conversations/${encodeURIComponent(id)}/cancel`, {});
    } catch (error) {
      thread.value = { ...thread.value, error: `Not stopped: ${sentence(error)}` };
    } finally {
      stopping.value = null;
    }
  }
}
var notes = y3(/* @__PURE__ */ new Map());
function note(id, value) {
  notes.value = new Map(notes.value).set(id, value);
}
async function decide(asked, yes) {
  let { id } = asked;
  if (notes.value.get(id)?.busy)
    return note(id, { busy: !0, bad: !1, text: "Your decision was sent already. Waiting for the server." });
  note(id, { busy: !0, bad: !1, text: yes ? "Sending your approval…" : "Sending your denial…" });
  try {
    let decided = await post(`/approvals/${encodeURIComponent(id)}`, { yes });
    addApprovals([decided]);
    let open = decided.status === "pending";
    note(id, { busy: !1, bad: !1, text: open ? `Your vote counts. It takes ${decided.need}.` : "" });
  } catch (error) {
    note(id, { busy: !1, bad: !0, text: refusal(error, id) }), error instanceof ApiError && [404, 409, 410].includes(error.status) && loadApproval(id);
  }
}
var HELD_MINUTES = 10;
async function force(target, to) {
  let id = target.name;
  if (notes.value.get(id)?.busy) return;
  note(id, { busy: !0, bad: !1, text: "Asking…" });
  let model = target.model.split("/").map(encodeURIComponent).join("/"), seconds = to === "open" ? HELD_MINUTES * 60 : null;
  try {
    let changed = await post(`/targets/${encodeURIComponent(target.backend)}/${model}`, { to, seconds });
    targets.value = targets.value.map((known) => changed.targets.find((one) => one.name === known.name) ?? known), note(id, { busy: !1, bad: !1, text: "" });
  } catch (error) {
    note(id, { busy: !1, bad: !0, text: sentence(error) });
  }
}
async function askAgain({ id }) {
  if (!notes.value.get(id)?.busy) {
    note(id, { busy: !0, bad: !1, text: "Asking again…" });
    try {
      let card = await post(`/approvals/${encodeURIComponent(id)}/again`, {});
      addApprovals([card]), note(id, { busy: !1, bad: !1, text: `Asked again as ${card.id}.` });
    } catch (error) {
      note(id, { busy: !1, bad: !0, text: error instanceof ApiError ? `Not asked again: ${error.message}` : sentence(error) });
    }
  }
}
function refusal(error, id) {
  if (!(error instanceof ApiError)) return sentence(error);
  switch (error.status) {
    case 403:
      return `You may not decide this: ${error.message}`;
    case 404:
      return "The server does not know this card any more.";
    case 409: {
      let by = approvals.value.get(id)?.decided_by;
      return `Your click came too late: it was decided before${by ? ` by ${by}` : ""}.`;
    }
    case 410:
      return "Too late: the time for this decision is over. Ask again.";
    default:
      return `Not sent: ${error.message}`;
  }
}
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var f4 = /* @__PURE__ */ Symbol.for("pv"), o4 = 0;
function a4(t4, e4, n3, u4, a5, i4) {
  e4 || (e4 = {});
  var c4, l5, p5 = e4;
  if ("ref" in p5 && typeof t4 != "function") for (l5 in p5 = {}, e4) l5 == "ref" ? c4 = e4[l5] : p5[l5] = e4[l5];
  var s4 = { type: t4, props: p5, key: n3, ref: c4, __k: null, __: null, __b: 0, __e: null, __c: null, constructor: f4, __v: --o4, __i: -1, __u: 0 };
  return (a5 || i4) && (s4.__source = a5, s4.__self = i4), n.vnode && n.vnode(s4), s4;
}

// src/icon.tsx
var SHAPES = {
  arrow: "M2 8h11M9 4l4 4-4 4",
  check: "M3 8.5l3.5 3.5L13 4.5",
  cross: "M4 4l8 8M12 4l-8 8",
  dash: "M4 8h8",
  disc: "M8 3.5a4.5 4.5 0 1 0 .01 0M8 6a2 2 0 1 0 .01 0M8 7.5a.5.5 0 1 0 .01 0",
  pause: "M6 4v8M10 4v8",
  turn: "M13 8a5 5 0 1 1-2-4M11 1.5V4.5H8",
  unknown: "M5.5 6a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .7-1 1.5M8 12.5v.01"
};
function Icon({ shape }) {
  return a4("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", children: a4("path", { d: SHAPES[shape] }) });
}

// node_modules/marked/lib/marked.esm.js
function G3() {
  return { async: !1, breaks: !1, extensions: null, gfm: !0, hooks: null, pedantic: !1, renderer: null, silent: !1, tokenizer: null, walkTokens: null };
}
var S3 = G3();
var q2 = { exec: () => null };
function D3(l5) {
  let e4 = [];
  return (t4) => {
    let n3 = Math.max(0, Math.min(3, t4 - 1)), r4 = e4[n3];
    return r4 || (r4 = l5(n3), e4[n3] = r4), r4;
  };
}
function g5(l5, e4 = "") {
  let t4 = typeof l5 == "string" ? l5 : l5.source, n3 = { replace: (r4, s4) => {
    let o5 = typeof s4 == "string" ? s4 : s4.source;
    return o5 = o5.replace(O2.caret, "$1"), t4 = t4.replace(r4, o5), n3;
  }, getRegex: () => new RegExp(t4, e4) };
  return n3;
}
var _e = ((l5 = "") => {
  try {
    return !!new RegExp("(?<=1)(?<!1)" + l5);
  } catch {
    return !1;
  }
})(), O2 = { codeRemoveIndent: /^(?: {0,3}\t| {1,4})/gm, listInterruptsParagraph: /^ {0,3}(?:[*+-]|1[.)])[ \t]+[^ \t\n]/, outputLinkReplace: /\\([\[\]])/g, indentCodeCompensation: /^(\s+)(?:```)/, beginningSpace: /^\s+/, endingHash: /#$/, startingSpaceChar: /^ /, endingSpaceChar: / $/, endingSpaceTabChar: /[ \t]$/, nonSpaceChar: /[^ ]/, newLineCharGlobal: /\n/g, tabCharGlobal: /\t/g, leadingSpaceTab: /^[ \t]+/, multipleSpaceGlobal: /\s+/g, blankLine: /^[ \t]*$/, doubleBlankLine: /\n[ \t]*\n[ \t]*$/, blockquoteStart: /^ {0,3}>/, blockquoteSetextReplace: /\n {0,3}((?:=+|-+)[ \t]*)(?=\n|$)/g, blockquoteSetextReplace2: /^ {0,3}>[ \t]?/gm, blockquoteMarkerWhitespace: /^( {0,3}>)(\t[ \t]*)/gm, nestedBlockMarker: /^ {0,3}(?:(?:[*+-]|\d{1,9}[.)])(?: |$)|> ?)/, listReplaceNesting: /^ {1,4}(?=( {4})*[^ ])/g, listIsTask: /^\[[ xX]\][ \t]+\S/, listReplaceTask: /^\[[ xX]\][ \t]+/, listTaskCheckbox: /\[[ xX]\]/, anyLine: /\n.*\n/, hrefBrackets: /^<(.*)>$/, tableDelimiter: /[:|]/, tableAlignChars: /^\||\| *$/g, tableRowBlankLine: /\n[ \t]*$/, tableAlignRight: /^ *-+: *$/, tableAlignCenter: /^ *:-+: *$/, tableAlignLeft: /^ *:-+ *$/, startATag: /^<a /i, endATag: /^<\/a>/i, startPreScriptTag: /^<(pre|code|kbd|script)(\s|>)/i, endPreScriptTag: /^<\/(pre|code|kbd|script)(\s|>)/i, startAngleBracket: /^</, endAngleBracket: />$/, pedanticHrefTitle: /^([^'"]*[^\s])\s+(['"])(.*)\2/, unicodeAlphaNumeric: /[\p{L}\p{N}]/u, numericCharacterReference: /&#(?:(\d{1,7})|[Xx]([A-Fa-f0-9]{1,6}));/, numericCharacterReferenceOrAmpersand: /&#(?:(\d{1,7})|[Xx]([A-Fa-f0-9]{1,6}));|&(?!(#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);)/g, escapeTest: /[&<>"']/, escapeReplace: /[&<>"']/g, escapeTestNoEncode: /[<>"']|&(?!(#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);)/, escapeReplaceNoEncode: /[<>"']|&(?!(#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);)/g, caret: /(^|[^\[])\^/g, percentDecode: /%25/g, findPipe: /\|/g, splitPipe: / \|/, slashPipe: /\\\|/g, carriageReturn: /\r\n|\r/g, spaceLine: /^ +$/gm, notSpaceStart: /^\S*/, endingNewline: /\n$/, listItemRegex: (l5) => new RegExp(`^( {0,3}${l5})((?:[	 ][^\\n]*)?(?:\\n|$))`), nextBulletRegex: D3((l5) => new RegExp(`^ {0,${l5}}(?:[*+-]|\\d{1,9}[.)])((?:[ 	][^\\n]*)?(?:\\n|$))`)), hrRegex: D3((l5) => new RegExp(`^ {0,${l5}}((?:-[ 	]*){3,}|(?:_[ 	]*){3,}|(?:\\*[ 	]*){3,})(?:\\n+|$)`)), fencesBeginRegex: D3((l5) => new RegExp(`^ {0,${l5}}(?:\`\`\`|~~~)`)), headingBeginRegex: D3((l5) => new RegExp(`^ {0,${l5}}#{1,6}(?:\\s|$)`)), pedanticHeadingBeginRegex: D3((l5) => new RegExp(`^ {0,${l5}}#`)), htmlBeginRegex: D3((l5) => new RegExp(`^ {0,${l5}}(?:</?(?:${he})(?:[ \\t]+|$|/?>)|<(?:(?:script|pre|style|textarea)(?:[\\s>]|$)|!--)|<\\?|<![A-Za-z]|<!\\[CDATA\\[)`, "i")), blockquoteBeginRegex: D3((l5) => new RegExp(`^ {0,${l5}}>`)), nestedContainerMarkers: /^(?: {0,3}(?:(?:[*+-]|\d{1,9}[.)])[ \t]+|>[ \t]?))+/ }, Ge = /^(?:[ \t]*(?:\n|$))+/, Ne = /^((?: {4}| {0,3}\t)[^\n]+(?:\n(?:[ \t]*(?:\n|$))*)?)+/, Fe = /^ {0,3}(`{3,}(?=[^`\n]*(?:\n|$))|~{3,})([^\n]*)(?:\n|$)(?:|([\s\S]*?)(?:\n|$))(?: {0,3}(?:(?=`)\1`*|(?=~)\1~*) *(?=\n|$)|$)/, V2 = /^ {0,3}((?:-[\t ]*){3,}|(?:_[ \t]*){3,}|(?:\*[ \t]*){3,})(?:\n+|$)/, Qe = /^ {0,3}(#{1,6})(?=\s|$)(.*)(?:\n+|$)/, ce = / {0,3}(?:[*+-]|\d{1,9}[.)])/, he = "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|meta|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul", J2 = g5(" {0,3}(?:</?(?:tag)(?:[ \\t]+|\\n|/?>)|<(?:(?:script|pre|style|textarea)(?:[\\s>]|$)|!--)|<\\?|<![A-Za-z]|<!\\[CDATA\\[)").replace("tag", he).getRegex(), $e = /^(?!bull |blockCode|fences|blockquote|heading|html|table)((?:.|\n(?!\s*?\n|bull |fences|blockquote|heading|hr|html|table))+?)\n {0,3}(=+|-+)[ \t]*(?:\n+|$)/, Le = g5($e).replace(/bull/g, ce).replace(/blockCode/g, /(?: {4}| {0,3}\t)/).replace(/fences/g, / {0,3}(?:`{3,}|~{3,})/).replace(/blockquote/g, / {0,3}>/).replace(/heading/g, / {0,3}#{1,6}(?:\s|$)/).replace(/hr/g, / {0,3}(?:(?:-[\t ]*){3,}|(?:_[ \t]*){3,}|(?:\*[ \t]*){3,})(?:\n+|$)/).replace(/\|table/g, "").replace(/html/g, J2).getRegex(), We = g5($e).replace(/bull/g, ce).replace(/blockCode/g, /(?: {4}| {0,3}\t)/).replace(/fences/g, / {0,3}(?:`{3,}|~{3,})/).replace(/blockquote/g, / {0,3}>/).replace(/heading/g, / {0,3}#{1,6}(?:\s|$)/).replace(/hr/g, / {0,3}(?:(?:-[\t ]*){3,}|(?:_[ \t]*){3,}|(?:\*[ \t]*){3,})(?:\n+|$)/).replace(/table/g, / {0,3}\|?(?:[:\- ]*\|)+[\:\- ]*\n/).replace(/html/g, J2).getRegex(), de = /^([^\n]+(?:\n(?!hr|heading|lheading|blockquote|fences|list|html|table|[ \t]+\n)[^\n]+)*)/, Ue = /^[^\n]+/, ge = /(?!\s*\])(?:\\[\s\S]|[^\[\]\\\n]|\n(?![ \t]*\n))+/, Ke = g5(/^ {0,3}\[(label)\]: *(?:\n[ \t]*)?([^<\s][^\s]*|<(?:\\.|[^\n<>\\])*>)(?:(?: +(?:\n[ \t]*)?| *\n[ \t]*)(title))? *(?:\n+|$)/).replace("label", ge).replace("title", /(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\\n]|\n(?!\n))*'|\((?:\\[\s\S]|[^()\\])*\))/).getRegex(), Xe = g5(/^(bull)([ \t][^\n]*?)?(?:\n|$)/).replace(/bull/g, ce).getRegex(), ke = /<!--(?:-?>|[\s\S]*?(?:-->|$))/, Ve = g5("^ {0,3}(?:<(script|pre|style|textarea)[\\s>][\\s\\S]*?(?:</\\1>[^\\n]*\\n*|$)|comment[^\\n]*(\\n+|$)|<\\?[\\s\\S]*?(?:\\?>[^\\n]*\\n*|$)|<![A-Z][\\s\\S]*?(?:>[^\\n]*\\n*|$)|<!\\[CDATA\\[[\\s\\S]*?(?:\\]\\]>[^\\n]*\\n*|$)|</?(tag)(?:[ \\t]+|\\n|/?>|$)[\\s\\S]*?(?:(?:\\n[ 	]*)+\\n|$)|<(?!(?:script|pre|style|textarea)(?![a-z0-9-]))([a-z][a-z0-9-]*)(?:attribute)*?[ \\t]*/?>(?=[ \\t]*(?:\\n|$))[\\s\\S]*?(?:(?:\\n[ 	]*)+\\n|$)|</[a-z][a-z0-9-]*\\s*>(?=[ \\t]*(?:\\n|$))[\\s\\S]*?(?:(?:\\n[ 	]*)+\\n|$))", "i").replace("comment", ke).replace("tag", he).replace("attribute", /[ \t]+[a-zA-Z:_][\w.:-]*(?:[ \t]*=[ \t]*"[^"\n]*"|[ \t]*=[ \t]*'[^'\n]*'|[ \t]*=[ \t]*[^\s"'=<>`]+)?/).getRegex(), Ce = (l5) => g5(de).replace("hr", V2).replace("heading", " {0,3}#{1,6}(?:\\s|$)").replace("|lheading", "").replace("|table", "").replace("blockquote", " {0,3}>").replace("fences", " {0,3}(?:`{3,}(?=[^`\\n]*(?:\\n|$))|~~~)[^\\n]*(?:\\n|$)").replace("list", l5).replace("html", J2).getRegex(), Je = Ce(/ {0,3}(?:[*+-]|1[.)])[ \t]+[^ \t\n]/), Ye = Ce(/ {0,3}(?:[*+-]|\d{1,9}[.)])(?:[ \t]|\n|$)/), et = g5(/^( {0,3}> ?(?:(?![ \t]*(?:\n|$))(paragraph)|[^\n]*)(?:\n|$))+/).replace("paragraph", Ye).getRegex(), fe = { blockquote: et, code: Ne, def: Ke, fences: Fe, heading: Qe, hr: V2, html: Ve, lheading: Le, list: Xe, newline: Ge, paragraph: Je, table: q2, text: Ue }, Pe = g5("^ *([^\\n ].*)\\n {0,3}((?:\\| *)?:?-+:? *(?:\\| *:?-+:? *)*(?:\\| *)?)(?:\\n((?:(?! *\\n|hr|heading|blockquote|code|fences|list|html).*(?:\\n|$))*)\\n*|$)").replace("hr", V2).replace("heading", " {0,3}#{1,6}(?:\\s|$)").replace("blockquote", " {0,3}>").replace("code", "(?: {4}| {0,3}	)[^\\n]").replace("fences", " {0,3}(?:`{3,}(?=[^`\\n]*(?:\\n|$))|~~~)[^\\n]*(?:\\n|$)").replace("list", " {0,3}(?:[*+-]|1[.)])[ \\t]").replace("html", J2).getRegex(), tt = { ...fe, lheading: We, table: Pe, paragraph: g5(de).replace("hr", V2).replace("heading", " {0,3}#{1,6}(?:\\s|$)").replace("|lheading", "").replace("table", Pe).replace("blockquote", " {0,3}>").replace("fences", " {0,3}(?:`{3,}(?=[^`\\n]*(?:\\n|$))|~~~)[^\\n]*(?:\\n|$)").replace("list", " {0,3}(?:[*+-]|1[.)])[ \\t]+[^ \\t\\n]").replace("html", J2).getRegex() }, nt = { ...fe, html: g5(`^ *(?:comment(?: *\\n|\\s*$)|<(tag)[\\s\\S]+?</\\1>(?: *\\n{2,}|\\s*$)|<tag(?:"[^"]*"|'[^']*'|\\s[^'"/>\\s]*)*?/?>(?: *\\n{2,}|\\s*$))`).replace("comment", ke).replace(/tag/g, "(?!(?:a|em|strong|small|s|cite|q|dfn|abbr|data|time|code|var|samp|kbd|sub|sup|i|b|u|mark|ruby|rt|rp|bdi|bdo|span|br|wbr|ins|del|img)\\b)\\w+(?!:|[^\\w\\s@]*@)\\b").getRegex(), def: /^ *\[([^\]]+)\]: *<?([^\s>]+)>?(?: +(["(][^\n]+[")]))? *(?:\n+|$)/, heading: /^(#{1,6})(.*)(?:\n+|$)/, fences: q2, lheading: /^(.+?)\n {0,3}(=+|-+) *(?:\n+|$)/, paragraph: g5(de).replace("hr", V2).replace("heading", ` *#{1,6} *[^
]`).replace("|table", "").replace("blockquote", " {0,3}>").replace("|fences", "").replace("|list", "").replace("|html", "").replace("|tag", "").replace("lheading", Le).getRegex() }, rt = /^\\([!"#$%&'()*+,\-./:;<=>?@\[\]\\^_`{|}~])/, st = /^(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/, Ie = /^( {2,}|\\)\n(?!\s*$)[ \t]*/, it = /^(`+|[^`])(?:(?= {2,}\n)|[\s\S]*?(?:(?=[\\<!\[`*_]|\b_|$)|[^ ](?= {2,}\n)))/, L2 = /[\p{P}\p{S}]/u, N2 = /[\s\p{P}\p{S}]/u, Y = /[^\s\p{P}\p{S}]/u, ot = g5(/^((?![*_])punctSpace)/, "u").replace(/punctSpace/g, N2).getRegex(), at = /[\p{Pi}\p{Ps}"']/u, Ae = /(?!~)[\p{P}\p{S}]/u, lt = /(?!~)[\s\p{P}\p{S}]/u, ut = /(?:[^\s\p{P}\p{S}]|~)/u, pt = g5(/link|precode-code|html/, "g").replace("link", /\[(?:[^\[\]`]|(?<a>`+)[^`]+\k<a>(?!`))*?\]\((?:\\[\s\S]|[^\\\(\)]|\((?:\\[\s\S]|[^\\\(\)])*\))*\)/).replace("precode-", _e ? "(?<!`)()" : "(^^|[^`])").replace("code", /(?<b>`+)[^`]+\k<b>(?!`)/).replace("html", /<(?! )[^<>]*?>/).getRegex(), Ee = /^(?:\*+(?:((?!\*)punct)|([^\s*]))?)|^_+(?:((?!_)punct)|([^\s_]))?/, ct = g5(Ee, "u").replace(/punct/g, L2).getRegex(), ht = g5(Ee, "u").replace(/punct/g, Ae).getRegex(), dt = /^(?:\*+(?:((?!\*)(?!openQuote)punct)|([^\s*]))?)|^_+(?:((?!_)(?!openQuote)punct)|([^\s_]))?/, gt = g5(dt, "u").replace(/openQuote/g, at).replace(/punct/g, L2).getRegex(), ze = "^[^_*]*?__[^_*]*?\\*[^_*]*?(?=__)|[^*]+(?=[^*])|(?!\\*)punct(\\*+)(?=[\\s]|$)|notPunctSpace(\\*+)(?!\\*)(?=punctSpace|$)|(?!\\*)punctSpace(\\*+)(?=notPunctSpace)|[\\s](\\*+)(?!\\*)(?=punct)|(?!\\*)punct(\\*+)(?!\\*)(?=punct)|notPunctSpace(\\*+)(?=notPunctSpace)", kt = g5(ze, "gu").replace(/notPunctSpace/g, Y).replace(/punctSpace/g, N2).replace(/punct/g, L2).getRegex(), ft = g5(ze, "gu").replace(/notPunctSpace/g, ut).replace(/punctSpace/g, lt).replace(/punct/g, Ae).getRegex(), mt = "^[^_*]*?__[^_*]*?\\*[^_*]*?(?=__)|[^*]+(?=[^*])|(?!\\*)punct(\\*+)(?=[\\s]|$)|notPunctSpace(\\*+)(?!\\*)(?=punctSpace|$)|(?!\\*)[\\s](\\*+)(?=notPunctSpace)|[\\s](\\*+)(?!\\*)(?=punct)|(?!\\*)punct(\\*+)(?!\\*)(?=punct)|(?:(?!\\*)punct|notPunctSpace)(\\*+)(?!\\*)(?=notPunctSpace)", xt = g5(mt, "gu").replace(/notPunctSpace/g, Y).replace(/punctSpace/g, N2).replace(/punct/g, L2).getRegex(), bt = g5("^[^_*]*?\\*\\*[^_*]*?_[^_*]*?(?=\\*\\*)|[^_]+(?=[^_])|(?!_)punct(_+)(?=[\\s]|$)|notPunctSpace(_+)(?!_)(?=punctSpace|$)|(?!_)punctSpace(_+)(?=notPunctSpace)|[\\s](_+)(?!_)(?=punct)|(?!_)punct(_+)(?!_)(?=punct)", "gu").replace(/notPunctSpace/g, Y).replace(/punctSpace/g, N2).replace(/punct/g, L2).getRegex(), Rt = "^[^_*]*?\\*\\*[^_*]*?_[^_*]*?(?=\\*\\*)|[^_]+(?=[^_])|(?!_)punct(_+)(?=[\\s]|$)|notPunctSpace(_+)(?!_)(?=punctSpace|$)|(?!_)[\\s](_+)(?=notPunctSpace)|[\\s](_+)(?!_)(?=punct)|(?!_)punct(_+)(?!_)(?=punct)|(?:(?!_)punct|notPunctSpace)(_+)(?!_)(?=notPunctSpace)", Tt = g5(Rt, "gu").replace(/notPunctSpace/g, Y).replace(/punctSpace/g, N2).replace(/punct/g, L2).getRegex(), Ot = g5(/^~~?(?:((?!~)punct)|[^\s~])/, "u").replace(/punct/g, L2).getRegex(), wt = "^[^~]+(?=[^~])|(?!~)punct(~~?)(?=[\\s]|$)|notPunctSpace(~~?)(?!~)(?=punctSpace|$)|(?!~)punctSpace(~~?)(?=notPunctSpace)|[\\s](~~?)(?!~)(?=punct)|(?!~)punct(~~?)(?!~)(?=punct)|notPunctSpace(~~?)(?=notPunctSpace)", Pt = g5(wt, "gu").replace(/notPunctSpace/g, Y).replace(/punctSpace/g, N2).replace(/punct/g, L2).getRegex(), yt = g5(/\\(punct)/, "gu").replace(/punct/g, L2).getRegex(), St = g5(/(`+)(?:[^`]|[^`][\s\S]*?[^`])\1(?!`)|`+|\\(punct)/, "gu").replace(/punct/g, L2).getRegex(), _t = g5(/^<(scheme:[^\s\x00-\x1f<>]*|email)>/).replace("scheme", /[a-zA-Z][a-zA-Z0-9+.-]{1,31}/).replace("email", /[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+(@)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+(?![-_])/).getRegex(), $t = g5(ke).replace("(?:-->|$)", "-->").getRegex(), Lt = g5("^comment|^</[a-zA-Z][a-zA-Z0-9-]*\\s*>|^<[a-zA-Z][a-zA-Z0-9-]*(?:attribute)*?\\s*/?>|^<\\?[\\s\\S]*?\\?>|^<![a-zA-Z]+\\s[\\s\\S]*?>|^<!\\[CDATA\\[[\\s\\S]*?\\]\\]>").replace("comment", $t).replace("attribute", /\s+[a-zA-Z:_][\w.:-]*(?:\s*=\s*"[^"]*"|\s*=\s*'[^']*'|\s*=\s*[^\s"'=<>`]+)?/).getRegex(), Me = /\[(?:\\[\s\S]|[^\[\]\\])*\]/, ie = g5(/(?:\[(?:brackets|\\[\s\S]|[^\[\]\\])*\]|\\[\s\S]|`+(?!`)[^`]*?`+(?!`)|``+(?=\])|[^\[\]\\`])*?/).replace("brackets", Me).getRegex(), Ct = g5(/^!?\[(label)\]\([ \t\n]*(href)(?:(?:[ \t]+(?:\n[ \t]*)?|\n[ \t]*)(title))?[ \t\n]*\)/).replace("label", ie).replace("href", /<(?:\\.|[^\n<>\\])*>|(?!<)[^ \t\n\x00-\x1f]+|(?=\))/).replace("title", /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|\((?:\\[\s\S]|[^)\\])*\)/).getRegex(), It = g5(/^!?\[(label)\]\[(ref)\]/).replace("label", ie).replace("ref", ge).getRegex(), At = g5(/^!?\[(ref)\](?:\[\])?/).replace("ref", ge).getRegex(), ye = /(?!\s*\])(?:\\[\s\S]|[^\[\]\\]){1,999}/, Et = g5(/(?:[^\[\]\\`]*(?:\[(?:brackets|\\[\s\S]|[^\[\]\\])*\]|\\[\s\S]|`+(?!`)[^`]*?`+(?!`)|``+(?=\]))){0,999}?[^\[\]\\`]*?/).replace("brackets", Me).getRegex(), zt = g5("reflink|nolink(?!\\()", "g").replace("reflink", g5(/^!?\[(label)\]\[(ref)\]/).replace("label", Et).replace("ref", ye).getRegex()).replace("nolink", g5(/^!?\[(ref)\](?:\[\])?/).replace("ref", ye).getRegex()).getRegex(), Se = /[hH][tT][tT][pP][sS]?|[fF][tT][pP]/, Mt = /[A-Za-z0-9._+-]+@[a-zA-Z0-9-_]+(?:\.[a-zA-Z0-9-_]*[a-zA-Z0-9])+(?![\w-])/, Bt = g5(/(?:mailto:email|xmpp:email(?:\/[A-Za-z0-9@.]+)?)/).replace(/email/g, Mt).getRegex(), me = { _backpedal: q2, anyPunctuation: yt, anyPunctuationOutsideCode: St, autolink: _t, blockSkip: pt, br: Ie, code: st, del: q2, delLDelim: q2, delRDelim: q2, emStrongLDelim: ct, emStrongRDelimAst: kt, emStrongRDelimUnd: bt, escape: rt, link: Ct, nolink: At, punctuation: ot, reflink: It, reflinkSearch: zt, tag: Lt, text: it, url: q2 }, Dt = { ...me, emStrongLDelim: gt, emStrongRDelimAst: xt, emStrongRDelimUnd: Tt, link: g5(/^!?\[(label)\]\((.*?)\)/).replace("label", ie).getRegex(), reflink: g5(/^!?\[(label)\]\s*\[([^\]]*)\]/).replace("label", ie).getRegex() }, pe = { ...me, emStrongRDelimAst: ft, emStrongLDelim: ht, delLDelim: Ot, delRDelim: Pt, url: g5(/^emailProtocol|^((?:protocol):\/\/|www\.)(?:[a-zA-Z0-9\-]+\.?)+[^\s<]*|^email/).replace("emailProtocol", Bt).replace("protocol", Se).replace("email", /[A-Za-z0-9._+-]+(@)[a-zA-Z0-9-_]+(?:\.[a-zA-Z0-9-_]*[a-zA-Z0-9])+(?![\w-])/).getRegex(), _backpedal: /(?:[^?!.,:;*_'"~()&]+|\([^)]*\)|&(?![a-zA-Z0-9]+;$)|[?!.,:;*_'"~)]+(?!$))+/, del: /^(~~?)(?=[^\s~])((?:\\[\s\S]|[^\\])*?(?:\\[\s\S]|[^\s~\\]))\1(?=[^~]|$)/, text: g5(/^(?:[^a-zA-Z0-9](?=emailProtocol)|(`+|~+|[^`~])(?:(?=[`~])|(?= {2,}\n)|(?=[a-zA-Z0-9.!#$%&'*+\/=?_`{\|}~-]+@)|[\s\S]*?(?:(?=[\\<!\[`*~_]|\b_|protocol:\/\/|wwwStart|$)|[^ ](?= {2,}\n)|[^a-zA-Z0-9](?=emailProtocol)|[^a-zA-Z0-9.!#$%&'*+\/=?_`{\|}~-](?=[a-zA-Z0-9.!#$%&'*+\/=?_`{\|}~-]+@))))/).replace("protocol", Se).replace(/emailProtocol/g, /(?:mailto|xmpp):/).replace("wwwStart", _e ? "(?<![^\\s*_~(])www\\." : "www\\.").getRegex() }, qt = { ...pe, br: g5(Ie).replace("{2,}", "*").getRegex(), text: g5(pe.text).replace("\\b_", "\\b_| {2,}\\n").replace(/\{2,\}/g, "*").getRegex() }, ee = { normal: fe, gfm: tt, pedantic: nt }, F4 = { normal: me, gfm: pe, breaks: qt, pedantic: Dt };
function De(l5) {
  return O2.numericCharacterReference.test(l5) ? l5.replace(O2.numericCharacterReferenceOrAmpersand, (e4, t4, n3) => {
    if (t4 === void 0 && n3 === void 0) return "&amp;";
    let r4 = t4 === void 0 ? Number.parseInt(n3, 16) : Number.parseInt(t4, 10);
    return r4 === 0 || r4 > 1114111 || r4 >= 55296 && r4 <= 57343 ? "�" : r4 === 38 ? "&amp;" : String.fromCodePoint(r4);
  }) : l5;
}
function be(l5, e4) {
  let t4 = l5.replace(O2.findPipe, (s4, o5, i4) => {
    let a5 = !1, c4 = o5;
    for (; --c4 >= 0 && i4[c4] === "\\"; ) a5 = !a5;
    return a5 ? "|" : " |";
  }), n3 = t4.split(O2.splitPipe), r4 = 0;
  if (n3[0].trim() || n3.shift(), n3.length > 0 && !n3.at(-1)?.trim() && n3.pop(), e4) if (n3.length > e4) n3.splice(e4);
  else for (; n3.length < e4; ) n3.push("");
  for (; r4 < n3.length; r4++) n3[r4] = n3[r4].trim().replace(O2.slashPipe, "|");
  return n3;
}
function C3(l5, e4, t4) {
  let n3 = l5.length;
  if (n3 === 0) return "";
  let r4 = 0;
  for (; r4 < n3; ) {
    let s4 = l5.charAt(n3 - r4 - 1);
    if (s4 === e4 && !t4) r4++;
    else if (s4 !== e4 && t4) r4++;
    else break;
  }
  return l5.slice(0, n3 - r4);
}
function Re(l5) {
  let e4 = l5.split(`
`), t4 = e4.length - 1;
  for (; t4 >= 0 && O2.blankLine.test(e4[t4]); ) t4--;
  return e4.length - t4 <= 2 ? l5 : e4.slice(0, t4 + 1).join(`
`);
}
function W(l5) {
  return l5.trim().replace(O2.multipleSpaceGlobal, " ").toLowerCase().toUpperCase().toLowerCase();
}
function Te(l5, e4) {
  if (l5.indexOf(e4[0]) === -1 && l5.indexOf(e4[1]) === -1) return -1;
  let t4 = 0;
  for (let n3 = 0; n3 < l5.length; n3++) if (l5[n3] === "\\") n3++;
  else if (l5[n3] === e4[0]) t4++;
  else if (l5[n3] === e4[1] && (t4--, t4 < 0)) return n3;
  return t4 > 0 ? -2 : -1;
}
var Q2 = /* @__PURE__ */ new WeakMap();
function Oe(l5) {
  let e4 = { "*": -1, _: -1 }, t4 = -1, n3 = l5.length;
  for (let r4 = 0; r4 < n3; r4++) {
    let s4 = l5[r4];
    if (s4 !== "*" && s4 !== "_" && s4 !== "~") continue;
    let o5 = r4 === 0 ? `
` : l5[r4 - 1], i4 = r4 + 1;
    for (; i4 < n3 && l5[i4] === s4; ) i4++;
    o5 !== " " && o5 !== "	" && o5 !== `
` && o5 !== "\r" && o5 !== "\f" && (s4 === "~" ? t4 = r4 : e4[s4] = r4), r4 = i4 - 1;
  }
  return { maskedSrc: l5, lastPossibleEmStrongCloserIndex: e4, lastPossibleDelCloserIndex: t4 };
}
function qe(l5, e4) {
  let t4 = Oe(e4), n3 = Q2.get(l5);
  n3 ? n3.push(t4) : Q2.set(l5, [t4]);
}
function ve(l5) {
  let e4 = Q2.get(l5);
  e4 && (e4.pop(), e4.length === 0 && Q2.delete(l5));
}
function oe(l5, e4, t4) {
  let n3 = Q2.get(l5)?.at(-1);
  return n3 && n3.maskedSrc === e4 ? n3.lastPossibleEmStrongCloserIndex[t4] : Oe(e4).lastPossibleEmStrongCloserIndex[t4];
}
function ae(l5, e4) {
  let t4 = Q2.get(l5)?.at(-1);
  return t4 && t4.maskedSrc === e4 ? t4.lastPossibleDelCloserIndex : Oe(e4).lastPossibleDelCloserIndex;
}
function te(l5, e4 = 0) {
  let t4 = e4, n3 = "";
  for (let r4 of l5) if (r4 === "	") {
    let s4 = 4 - t4 % 4;
    n3 += " ".repeat(s4), t4 += s4;
  } else n3 += r4, t4++;
  return n3;
}
function Ht(l5, e4) {
  let t4 = "";
  for (let n3 = 0; n3 < l5.length; n3++) {
    if (l5[n3] === "`") {
      let r4 = e4.inline.code.exec(l5.slice(n3));
      if (r4) {
        t4 += r4[0], n3 += r4[0].length - 1;
        continue;
      }
    }
    if (l5[n3] === "\\" && (l5[n3 + 1] === "[" || l5[n3 + 1] === "]")) {
      t4 += l5[n3 + 1], n3++;
      continue;
    }
    t4 += l5[n3];
  }
  return t4;
}
function He(l5, e4, t4, n3, r4) {
  let s4 = e4.href, o5 = e4.title || null, i4 = Ht(l5[1], r4), a5 = l5[0].charAt(0) === "!", c4 = n3.state.inLink, u4 = n3.state.linkEmitted, d5 = n3.state.inRawBlock;
  n3.state.inLink = !0, n3.state.linkEmitted = !1;
  let h5 = n3.inlineTokens(i4), p5 = n3.state.linkEmitted;
  if (n3.state.linkEmitted = u4, n3.state.inLink = c4, !a5) {
    if (p5) {
      n3.state.inRawBlock = d5;
      return;
    }
    n3.state.linkEmitted = !0;
  }
  return { type: a5 ? "image" : "link", raw: t4, href: s4, title: o5, text: i4, tokens: h5 };
}
function Zt(l5, e4, t4) {
  let n3 = l5.match(t4.other.indentCodeCompensation);
  if (n3 === null) return e4;
  let r4 = n3[1];
  return e4.split(`
`).map((s4) => {
    let o5 = s4.match(t4.other.beginningSpace);
    if (o5 === null) return s4;
    let [i4] = o5;
    return s4.slice(Math.min(i4.length, r4.length));
  }).join(`
`);
}
function Ze(l5, e4, t4, n3) {
  if (!e4.includes("<")) return !1;
  for (let r4 = 0; r4 < e4.length; r4++) {
    if (e4[r4] === "\\") {
      r4++;
      continue;
    }
    if (e4[r4] === "`") {
      let i4 = n3.inline.code.exec(e4.slice(r4));
      if (i4) {
        r4 += i4[0].length - 1;
        continue;
      }
    }
    if (e4[r4] !== "<") continue;
    let s4 = l5.slice(t4 + r4), o5 = n3.inline.tag.exec(s4) || n3.inline.autolink.exec(s4);
    if (o5) {
      if (o5[0].length > e4.length - r4) return !0;
      r4 += o5[0].length - 1;
    }
  }
  return !1;
}
var _4 = class {
  options;
  rules;
  lexer;
  constructor(e4) {
    this.options = e4 || S3;
  }
  space(e4) {
    let t4 = this.rules.block.newline.exec(e4);
    if (t4 && t4[0].length > 0) return { type: "space", raw: t4[0] };
  }
  code(e4) {
    let t4 = this.rules.block.code.exec(e4);
    if (t4) {
      let n3 = this.options.pedantic ? t4[0] : Re(t4[0]), r4 = n3.replace(this.rules.other.codeRemoveIndent, "");
      return { type: "code", raw: n3, codeBlockStyle: "indented", text: r4 };
    }
  }
  fences(e4) {
    let t4 = this.rules.block.fences.exec(e4);
    if (t4) {
      let n3 = t4[0], r4 = Zt(n3, t4[3] || "", this.rules);
      return t4[3] !== void 0 && (r4 === "" || r4.endsWith(`
`)) && (r4 += `
`), { type: "code", raw: n3, lang: t4[2] ? t4[2].trim().replace(this.rules.inline.anyPunctuation, "$1") : t4[2], text: r4 };
    }
  }
  heading(e4) {
    let t4 = this.rules.block.heading.exec(e4);
    if (t4) {
      let n3 = t4[2].trim();
      if (this.rules.other.endingHash.test(n3)) {
        let r4 = C3(n3, "#");
        (this.options.pedantic || !r4 || this.rules.other.endingSpaceTabChar.test(r4)) && (n3 = r4.trim());
      }
      return { type: "heading", raw: C3(t4[0], `
`), depth: t4[1].length, text: n3, tokens: this.lexer.inline(n3) };
    }
  }
  hr(e4) {
    let t4 = this.rules.block.hr.exec(e4);
    if (t4) return { type: "hr", raw: C3(t4[0], `
`) };
  }
  blockquote(e4) {
    let t4 = this.rules.block.blockquote.exec(e4);
    if (t4) {
      let n3 = C3(t4[0], `
`).split(`
`), r4 = "", s4 = "", o5 = [];
      for (; n3.length > 0; ) {
        let i4 = !1, a5 = [], c4;
        for (c4 = 0; c4 < n3.length; c4++) if (this.rules.other.blockquoteStart.test(n3[c4])) a5.push(n3[c4]), i4 = !0;
        else if (!i4) a5.push(n3[c4]);
        else break;
        n3 = n3.slice(c4);
        let u4 = a5.join(`
`), d5 = u4.replace(this.rules.other.blockquoteMarkerWhitespace, (k4, m5, b3) => b3.startsWith(" ") ? m5 + " " + b3.slice(1) : m5 + te(b3, m5.length)).replace(this.rules.other.blockquoteSetextReplace, `
    $1`).replace(this.rules.other.blockquoteSetextReplace2, "");
        r4 = r4 ? `${r4}
${u4}` : u4, s4 = s4 ? `${s4}
${d5}` : d5;
        let h5 = this.lexer.state.top;
        if (this.lexer.state.top = !0, this.lexer.blockTokens(d5, o5, !0), this.lexer.state.top = h5, n3.length === 0) break;
        let p5 = o5.at(-1);
        if (p5?.type === "code" || p5?.type === "heading" || p5?.type === "hr" || p5?.type === "html" || p5?.type === "table") break;
        if (p5?.type === "blockquote") {
          let k4 = p5, m5 = n3.join(`
`), b3 = k4.raw + `
` + m5.replace(this.rules.other.blockquoteSetextReplace2, ""), f5 = this.blockquote(b3);
          o5[o5.length - 1] = f5;
          let R = b3.substring(f5.raw.length).replace(/^\n/, ""), E4 = R ? R.split(`
`).length : 0, T4 = E4 ? n3.slice(0, -E4) : n3;
          if (T4.length > 0 && (r4 = `${r4}
${T4.join(`
`)}`), s4 = s4.substring(0, s4.length - k4.text.length) + f5.text, n3 = n3.slice(T4.length), n3.length > 0 && this.rules.other.blockquoteStart.test(n3[0])) continue;
          break;
        } else if (p5?.type === "list") {
          let k4 = p5, m5 = k4.raw + `
` + n3.join(`
`), b3 = this.list(m5);
          o5[o5.length - 1] = b3;
          let f5 = b3.raw.length > k4.raw.length ? m5.slice(k4.raw.length + 1, b3.raw.length).split(`
`).length : 0;
          if (f5 > 0) {
            let R = n3.slice(0, f5).join(`
`);
            r4 = `${r4}
${R}`, s4 = `${s4}
${R}`;
          }
          if (n3 = n3.slice(f5), n3.length > 0 && !this.rules.other.blockquoteStart.test(n3[0])) break;
          continue;
        }
      }
      return { type: "blockquote", raw: r4, tokens: o5, text: s4 };
    }
  }
  list(e4) {
    let t4 = this.rules.block.list.exec(e4);
    if (t4) {
      if (!this.options.pedantic && this.lexer.state.lastToken?.type === "text" && !this.rules.other.listInterruptsParagraph.test(e4)) return;
      let n3 = e4, r4 = () => n3.length - e4.length, s4 = t4[1].trim(), o5 = s4.length > 1, i4 = { type: "list", raw: "", ordered: o5, start: o5 ? +s4.slice(0, -1) : "", loose: !1, items: [] };
      s4 = o5 ? `\\d{1,9}\\${s4.slice(-1)}` : `\\${s4}`, this.options.pedantic && (s4 = o5 ? s4 : "[*+-]");
      let a5 = this.rules.other.listItemRegex(s4), c4 = !1;
      for (; e4; ) {
        let h5 = !1, p5 = "";
        if (!(t4 = a5.exec(e4)) || this.rules.block.hr.test(e4)) break;
        let k4 = r4();
        e4 = e4.substring(t4[0].length);
        let m5 = t4[2].split(`
`, 1)[0], b3 = t4[1].length, f5 = this.options.pedantic ? te(m5, b3) : m5.replace(this.rules.other.leadingSpaceTab, (H2) => te(H2, b3)), R = e4.split(`
`, 1)[0], E4 = !f5.trim(), T4 = 0;
        if (this.options.pedantic ? (T4 = 2, p5 = f5.trimStart()) : E4 ? T4 = b3 + 1 : (T4 = f5.search(this.rules.other.nonSpaceChar), T4 = T4 > 4 ? 1 : T4, p5 = f5.slice(T4), T4 += b3), E4 && this.rules.other.blankLine.test(R) && (e4 = e4.substring(R.length + 1), h5 = !0), !h5) {
          let H2 = this.rules.other.nextBulletRegex(T4), K2 = this.rules.other.hrRegex(T4), re = this.rules.other.fencesBeginRegex(T4), B3 = this.options.pedantic ? this.rules.other.pedanticHeadingBeginRegex(T4) : this.rules.other.headingBeginRegex(T4), X = this.rules.other.htmlBeginRegex(T4), se = this.rules.other.blockquoteBeginRegex(T4), le = !1;
          for (; e4; ) {
            let we = e4.split(`
`, 1)[0], Z;
            if (R = we, this.options.pedantic ? (R = R.replace(this.rules.other.listReplaceNesting, "  "), Z = R) : Z = R.replace(this.rules.other.leadingSpaceTab, ($2) => te($2)), re.test(R) || B3.test(R) || X.test(R) || se.test(R) || H2.test(R) || K2.test(R)) break;
            if (Z.search(this.rules.other.nonSpaceChar) >= T4 || !R.trim()) p5 += `
` + Z.slice(T4), le = !1;
            else {
              if (E4) break;
              let $2 = f5;
              if (!this.options.pedantic && !p5.includes(`
`) && !f5.includes("	")) {
                let j3;
                for (; !K2.test($2) && (j3 = this.rules.other.nestedBlockMarker.exec($2)); ) $2 = $2.slice(j3[0].length);
                if (!$2.trim()) break;
              }
              if ($2.replace(this.rules.other.tabCharGlobal, "    ").search(this.rules.other.nonSpaceChar) >= 4 || re.test($2) || B3.test($2) || X.test($2) || K2.test($2)) break;
              if (!this.options.pedantic && !le) {
                let j3 = f5.replace(this.rules.other.nestedContainerMarkers, "");
                if (this.rules.block.fences.test(j3) || this.rules.block.heading.test(j3) || this.rules.block.hr.test(j3)) break;
              }
              let je = !this.options.pedantic && /^ {0,3}(?:=+|-+) *$/.test(R) && this.rules.block.lheading.test(`${f5}
${R}`) ? `    ${Z.replace(/^ {0,3}/, "")}` : R;
              p5 += `
` + je, le = !0;
            }
            E4 = !R.trim(), e4 = e4.substring(we.length + 1), f5 = Z.slice(T4);
          }
        }
        let U = n3.slice(k4, r4());
        i4.loose || (c4 ? i4.loose = !0 : this.rules.other.doubleBlankLine.test(U) && (c4 = !0)), i4.items.push({ type: "list_item", raw: U, task: !!this.options.gfm && this.rules.other.listIsTask.test(p5), loose: !1, text: p5, tokens: [] });
      }
      let u4 = i4.items.at(-1);
      if (u4) u4.raw = u4.raw.trimEnd(), u4.text = u4.text.trimEnd();
      else return;
      i4.raw = n3.slice(0, r4()).trimEnd();
      let d5 = [];
      for (let h5 of i4.items) if (this.lexer.state.top = !1, d5.push(this.lexer.inlineQueue.length), h5.tokens = this.lexer.blockTokens(h5.text, []), !i4.loose) {
        let p5 = h5.tokens.filter((m5) => m5.type === "space"), k4 = p5.length > 0 && p5.some((m5) => this.rules.other.anyLine.test(m5.raw));
        i4.loose = k4;
      }
      for (let h5 = 0; h5 < i4.items.length; h5++) {
        let p5 = i4.items[h5], k4 = p5.tokens[0];
        if (p5.task && (k4?.type === "text" || k4?.type === "paragraph")) {
          p5.text = p5.text.replace(this.rules.other.listReplaceTask, ""), k4.raw = k4.raw.replace(this.rules.other.listReplaceTask, ""), k4.text = k4.text.replace(this.rules.other.listReplaceTask, "");
          let m5 = this.lexer.inlineQueue;
          for (let f5 = d5[h5]; f5 < m5.length; f5++) if (m5[f5].tokens === k4.tokens) {
            m5[f5].src = m5[f5].src.replace(this.rules.other.listReplaceTask, "");
            break;
          }
          let b3 = this.rules.other.listTaskCheckbox.exec(p5.raw);
          if (b3) {
            let f5 = { type: "checkbox", raw: b3[0] + " ", checked: b3[0] !== "[ ]" };
            p5.checked = f5.checked, i4.loose ? p5.tokens[0] && ["paragraph", "text"].includes(p5.tokens[0].type) && "tokens" in p5.tokens[0] && p5.tokens[0].tokens ? (p5.tokens[0].raw = f5.raw + p5.tokens[0].raw, p5.tokens[0].text = f5.raw + p5.tokens[0].text, p5.tokens[0].tokens.unshift(f5)) : p5.tokens.unshift({ type: "paragraph", raw: f5.raw, text: f5.raw, tokens: [f5] }) : p5.tokens.unshift(f5);
          }
        } else p5.task && (p5.task = !1);
      }
      if (i4.loose) for (let h5 of i4.items) {
        h5.loose = !0;
        for (let p5 of h5.tokens) p5.type === "text" && (p5.type = "paragraph");
      }
      return i4;
    }
  }
  html(e4) {
    let t4 = this.rules.block.html.exec(e4);
    if (t4) {
      if (this.lexer.state.lastToken?.type === "paragraph" && !this.rules.other.htmlBeginRegex(4).test(e4)) return;
      let n3 = Re(t4[0]);
      return { type: "html", block: !0, raw: n3, pre: t4[1] === "pre" || t4[1] === "script" || t4[1] === "style", text: n3 };
    }
  }
  def(e4) {
    let t4 = this.rules.block.def.exec(e4);
    if (t4) {
      if (!this.rules.other.startAngleBracket.test(t4[2]) && Te(t4[2], "()") !== -1) return;
      let n3 = W(t4[1]), r4 = t4[2] ? t4[2].replace(this.rules.other.hrefBrackets, "$1").replace(this.rules.inline.anyPunctuation, "$1") : "", s4 = t4[3] ? t4[3].substring(1, t4[3].length - 1).replace(this.rules.inline.anyPunctuation, "$1") : t4[3];
      return { type: "def", tag: n3, raw: C3(t4[0], `
`), href: r4, title: s4 };
    }
  }
  table(e4) {
    let t4 = this.rules.block.table.exec(e4);
    if (!t4 || !this.rules.other.tableDelimiter.test(t4[2])) return;
    let n3 = be(t4[1]), r4 = t4[2].replace(this.rules.other.tableAlignChars, "").split("|"), s4 = t4[3]?.trim() ? t4[3].replace(this.rules.other.tableRowBlankLine, "").split(`
`) : [], o5 = { type: "table", raw: C3(t4[0], `
`), header: [], align: [], rows: [] };
    if (n3.length === r4.length) {
      for (let i4 of r4) this.rules.other.tableAlignRight.test(i4) ? o5.align.push("right") : this.rules.other.tableAlignCenter.test(i4) ? o5.align.push("center") : this.rules.other.tableAlignLeft.test(i4) ? o5.align.push("left") : o5.align.push(null);
      for (let i4 = 0; i4 < n3.length; i4++) o5.header.push({ text: n3[i4], tokens: this.lexer.inline(n3[i4]), header: !0, align: o5.align[i4] });
      for (let i4 of s4) o5.rows.push(be(i4, o5.header.length).map((a5, c4) => ({ text: a5, tokens: this.lexer.inline(a5), header: !1, align: o5.align[c4] })));
      return o5;
    }
  }
  lheading(e4) {
    let t4 = this.rules.block.lheading.exec(e4);
    if (t4) {
      let n3 = t4[1].trim();
      return { type: "heading", raw: C3(t4[0], `
`), depth: t4[2].charAt(0) === "=" ? 1 : 2, text: n3, tokens: this.lexer.inline(n3) };
    }
  }
  paragraph(e4) {
    let t4 = this.rules.block.paragraph.exec(e4);
    if (t4) {
      let n3 = t4[1].charAt(t4[1].length - 1) === `
` ? t4[1].slice(0, -1) : t4[1];
      return { type: "paragraph", raw: t4[0], text: n3, tokens: this.lexer.inline(n3) };
    }
  }
  text(e4) {
    let t4 = this.rules.block.text.exec(e4);
    if (t4) return { type: "text", raw: t4[0], text: t4[0], tokens: this.lexer.inline(t4[0]) };
  }
  escape(e4) {
    if (e4.charCodeAt(0) !== 92) return;
    let t4 = this.rules.inline.escape.exec(e4);
    if (t4) return { type: "escape", raw: t4[0], text: t4[1] };
  }
  tag(e4) {
    if (e4.charCodeAt(0) !== 60) return;
    let t4 = this.rules.inline.tag.exec(e4);
    if (t4) return !this.lexer.state.inLink && this.rules.other.startATag.test(t4[0]) ? this.lexer.state.inLink = !0 : this.lexer.state.inLink && this.rules.other.endATag.test(t4[0]) && (this.lexer.state.inLink = !1), !this.lexer.state.inRawBlock && this.rules.other.startPreScriptTag.test(t4[0]) ? this.lexer.state.inRawBlock = !0 : this.lexer.state.inRawBlock && this.rules.other.endPreScriptTag.test(t4[0]) && (this.lexer.state.inRawBlock = !1), { type: "html", raw: t4[0], inLink: this.lexer.state.inLink, inRawBlock: this.lexer.state.inRawBlock, block: !1, text: t4[0] };
  }
  link(e4) {
    if (this.lexer.state.linkParenPossible === !1) return;
    let t4 = e4.charCodeAt(0);
    if (t4 !== 91 && t4 !== 33) return;
    let n3 = this.rules.inline.link.exec(e4);
    if (n3) {
      let r4 = n3[0].charAt(0) === "!" ? 2 : 1;
      if (!this.options.pedantic && Ze(e4, n3[1], r4, this.rules)) return;
      let s4 = n3[2].trim();
      if (!this.options.pedantic && this.rules.other.startAngleBracket.test(s4)) {
        if (!this.rules.other.endAngleBracket.test(s4)) return;
        let c4 = C3(s4.slice(0, -1), "\\");
        if ((s4.length - c4.length) % 2 === 0) return;
      } else {
        let c4 = Te(n3[2], "()");
        if (c4 === -2) return;
        if (c4 > -1) {
          let d5 = (n3[0].indexOf("!") === 0 ? 5 : 4) + n3[1].length + c4;
          n3[2] = n3[2].substring(0, c4), n3[0] = n3[0].substring(0, d5).trim(), n3[3] = "";
        }
      }
      let o5 = C3(n3[0].slice(0, -1), "\\");
      if ((n3[0].length - o5.length) % 2 === 0) return;
      let i4 = n3[2], a5 = "";
      if (this.options.pedantic) {
        let c4 = this.rules.other.pedanticHrefTitle.exec(i4);
        c4 && (i4 = c4[1], a5 = c4[3]);
      } else a5 = n3[3] ? n3[3].slice(1, -1) : "";
      return i4 = i4.trim(), this.rules.other.startAngleBracket.test(i4) && (this.options.pedantic && !this.rules.other.endAngleBracket.test(s4) ? i4 = i4.slice(1) : i4 = i4.slice(1, -1)), He(n3, { href: i4 && i4.replace(this.rules.inline.anyPunctuation, "$1"), title: a5 && a5.replace(this.rules.inline.anyPunctuation, "$1") }, n3[0], this.lexer, this.rules);
    }
  }
  reflink(e4, t4) {
    let n3 = e4.charCodeAt(0);
    if (n3 !== 91 && n3 !== 33) return;
    let r4;
    if ((r4 = this.rules.inline.reflink.exec(e4)) || (r4 = this.rules.inline.nolink.exec(e4))) {
      let s4 = r4[0].charAt(0) === "!" ? 2 : 1;
      if (!this.options.pedantic && Ze(e4, r4[1], s4, this.rules)) return;
      let o5 = t4[W(r4[2] || r4[1])];
      if (!o5) {
        let i4 = r4[0].charAt(0);
        return { type: "text", raw: i4, text: i4 };
      }
      return He(r4, o5, r4[0], this.lexer, this.rules);
    }
  }
  emStrong(e4, t4, n3 = "") {
    let r4 = this.rules.inline.emStrongLDelim.exec(e4);
    if (!r4 || !r4[1] && !r4[2] && !r4[3] && !r4[4]) return;
    let s4 = r4[0][0], o5 = n3 === s4, i4 = t4.length - e4.length, a5 = i4;
    for (; !this.options.pedantic && a5 > 0 && t4[a5 - 1] === s4; ) a5--;
    let c4 = [...t4.slice(Math.max(0, a5 - 2), a5)].at(-1) ?? "", u4 = c4 === "*" || c4 === "_" || !!this.rules.inline.punctuation.exec(c4);
    a5 < i4 && (n3 = c4);
    let d5 = a5 < i4 ? u4 : n3 === "*" || n3 === "_" || !!this.rules.inline.punctuation.exec(n3);
    if (r4[4] && n3.match(this.rules.other.unicodeAlphaNumeric)) return;
    let h5 = r4[1] || r4[3] || "";
    if (!h5 || !n3 || d5) {
      let p5 = [...r4[0]].length - 1, k4, m5, b3 = p5, f5 = 0, R = i4 - a5 + p5, E4 = !this.options.pedantic && !!c4.trim() && (!!h5 || s4 === "*" && !u4);
      if (s4 !== "*" && s4 !== "_") return;
      let T4 = s4 === "*" ? this.rules.inline.emStrongRDelimAst : this.rules.inline.emStrongRDelimUnd, U = oe(this, t4, s4), H2 = t4.length - e4.length + p5;
      if (U < H2) return;
      t4 = t4.slice(-1 * e4.length + p5);
      let K2 = U - H2;
      for (T4.lastIndex = 0; (r4 = T4.exec(t4)) !== null && !(r4.index > K2); ) {
        if (k4 = r4[1] || r4[2] || r4[3] || r4[4] || r4[5] || r4[6], !k4) continue;
        if (m5 = [...k4].length, r4[3] || r4[4]) {
          b3 += m5;
          continue;
        } else if ((r4[5] || r4[6] || E4) && R % 3 && !((R + m5) % 3)) {
          if (o5 && (r4[5] || r4[6])) break;
          f5 += m5;
          continue;
        }
        if (b3 -= m5, b3 > 0) continue;
        m5 = Math.min(m5, m5 + b3 + f5);
        let re = [...r4[0]][0].length, B3 = e4.slice(0, p5 + r4.index + re + m5);
        if (Math.min(p5, m5) % 2) {
          let se = B3.slice(1, -1);
          return { type: "em", raw: B3, text: se, tokens: this.lexer.inlineTokens(se) };
        }
        let X = B3.slice(2, -2);
        return { type: "strong", raw: B3, text: X, tokens: this.lexer.inlineTokens(X) };
      }
    }
  }
  codespan(e4) {
    if (e4.charCodeAt(0) !== 96) return;
    let t4 = this.rules.inline.code.exec(e4);
    if (t4) {
      let n3 = t4[2].replace(this.rules.other.newLineCharGlobal, " "), r4 = this.rules.other.nonSpaceChar.test(n3), s4 = this.rules.other.startingSpaceChar.test(n3) && this.rules.other.endingSpaceChar.test(n3);
      return r4 && s4 && (n3 = n3.substring(1, n3.length - 1)), { type: "codespan", raw: t4[0], text: n3 };
    }
  }
  br(e4) {
    let t4 = e4.charCodeAt(0);
    if (t4 !== 32 && t4 !== 92 && t4 !== 10) return;
    let n3 = this.rules.inline.br.exec(e4);
    if (n3) return { type: "br", raw: n3[0] };
  }
  del(e4, t4, n3 = "") {
    if (e4.charCodeAt(0) !== 126) return;
    let r4 = this.rules.inline.delLDelim.exec(e4);
    if (r4 && (!r4[1] || !n3 || this.rules.inline.punctuation.exec(n3))) {
      let o5 = [...r4[0]].length - 1, i4, a5, c4 = o5, u4 = this.rules.inline.delRDelim, d5 = ae(this, t4), h5 = t4.length - e4.length + o5;
      if (d5 < h5) return;
      t4 = t4.slice(-1 * e4.length + o5);
      let p5 = d5 - h5;
      for (u4.lastIndex = 0; (r4 = u4.exec(t4)) !== null && !(r4.index > p5); ) {
        if (i4 = r4[1] || r4[2] || r4[3] || r4[4] || r4[5] || r4[6], !i4 || (a5 = [...i4].length, a5 !== o5)) continue;
        if (r4[3] || r4[4]) {
          c4 += a5;
          continue;
        }
        if (c4 -= a5, c4 > 0) continue;
        a5 = Math.min(a5, a5 + c4);
        let k4 = [...r4[0]][0].length, m5 = e4.slice(0, o5 + r4.index + k4 + a5), b3 = m5.slice(o5, -o5);
        return { type: "del", raw: m5, text: b3, tokens: this.lexer.inlineTokens(b3) };
      }
    }
  }
  autolink(e4) {
    if (e4.charCodeAt(0) !== 60) return;
    let t4 = this.rules.inline.autolink.exec(e4);
    if (t4) {
      let n3, r4;
      return t4[2] === "@" ? (n3 = t4[1], r4 = "mailto:" + n3) : (n3 = t4[1], r4 = n3), { type: "link", raw: t4[0], text: n3, href: r4, autolink: !0, tokens: [{ type: "text", raw: n3, text: n3 }] };
    }
  }
  url(e4) {
    let t4;
    if (t4 = this.rules.inline.url.exec(e4)) {
      let n3, r4;
      if (t4[2] === "@") n3 = t4[0], r4 = "mailto:" + n3;
      else {
        let s4;
        do
          s4 = t4[0], t4[0] = this.rules.inline._backpedal.exec(t4[0])?.[0] ?? "";
        while (s4 !== t4[0]);
        n3 = t4[0], t4[1] === "www." ? r4 = "http://" + t4[0] : r4 = t4[0];
      }
      return { type: "link", raw: t4[0], text: n3, href: r4, autolink: !0, tokens: [{ type: "text", raw: n3, text: n3 }] };
    }
  }
  inlineText(e4) {
    let t4 = this.rules.inline.text.exec(e4);
    if (t4) {
      let n3 = this.lexer.state.inRawBlock;
      return { type: "text", raw: t4[0], text: n3 ? t4[0] : De(t4[0]), escaped: n3 };
    }
  }
}, w5 = class l4 {
  tokens;
  options;
  state;
  inlineQueue;
  tokenizer;
  constructor(e4) {
    this.tokens = [], this.tokens.links = /* @__PURE__ */ Object.create(null), this.options = e4 || S3, this.options.tokenizer = this.options.tokenizer || new _4(), this.tokenizer = this.options.tokenizer, this.tokenizer.options = this.options, this.tokenizer.lexer = this, this.inlineQueue = [], this.state = { inLink: !1, inRawBlock: !1, linkEmitted: !1, linkParenPossible: !0, top: !0 };
    let t4 = { other: O2, block: ee.normal, inline: F4.normal };
    this.options.pedantic ? (t4.block = ee.pedantic, t4.inline = F4.pedantic) : this.options.gfm && (t4.block = ee.gfm, this.options.breaks ? t4.inline = F4.breaks : t4.inline = F4.gfm), this.tokenizer.rules = t4;
  }
  static get rules() {
    return { block: ee, inline: F4 };
  }
  static lex(e4, t4) {
    return new l4(t4).lex(e4);
  }
  static lexInline(e4, t4) {
    return new l4(t4).inlineTokens(e4);
  }
  lex(e4) {
    e4 = e4.replace(O2.carriageReturn, `
`), this.blockTokens(e4, this.tokens);
    for (let t4 = 0; t4 < this.inlineQueue.length; t4++) {
      let n3 = this.inlineQueue[t4];
      this.state.inRawBlock = !1, this.inlineTokens(n3.src, n3.tokens);
    }
    return this.inlineQueue = [], this.tokens;
  }
  blockTokens(e4, t4 = [], n3 = !1) {
    this.tokenizer.lexer = this;
    let r4 = this.state.lastToken;
    this.options.pedantic && (e4 = e4.replace(O2.tabCharGlobal, "    ").replace(O2.spaceLine, ""));
    let s4 = 1 / 0, o5, i4 = this.options.gfm && !this.options.pedantic && this.tokenizer.paragraph === _4.prototype.paragraph;
    for (; e4; ) {
      if (e4.length < s4) s4 = e4.length;
      else {
        this.infiniteLoopError(e4.charCodeAt(0));
        break;
      }
      this.state.lastToken = t4.at(-1);
      let a5;
      if (this.options.extensions?.block?.some((u4) => (a5 = u4.call({ lexer: this }, e4, t4)) ? (e4 = e4.substring(a5.raw.length), t4.push(a5), !0) : !1)) continue;
      if (a5 = this.tokenizer.space(e4)) {
        e4 = e4.substring(a5.raw.length);
        let u4 = t4.at(-1);
        a5.raw.length === 1 && u4 !== void 0 ? u4.raw += `
` : t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.code(e4)) {
        e4 = e4.substring(a5.raw.length);
        let u4 = t4.at(-1);
        u4?.type === "paragraph" || u4?.type === "text" ? (u4.raw += (u4.raw.endsWith(`
`) ? "" : `
`) + a5.raw, u4.text += `
` + a5.text, this.inlineQueue.at(-1).src = u4.text) : t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.fences(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.heading(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.hr(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.blockquote(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.list(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.html(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.def(e4)) {
        e4 = e4.substring(a5.raw.length);
        let u4 = t4.at(-1);
        u4?.type === "paragraph" || u4?.type === "text" ? (u4.raw += (u4.raw.endsWith(`
`) ? "" : `
`) + a5.raw, u4.text += `
` + a5.raw, this.inlineQueue.at(-1).src = u4.text) : (this.tokens.links[a5.tag] || (this.tokens.links[a5.tag] = { href: a5.href, title: a5.title }), t4.push(a5));
        continue;
      }
      if (a5 = this.tokenizer.table(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      if (a5 = this.tokenizer.lheading(e4)) {
        e4 = e4.substring(a5.raw.length), t4.push(a5);
        continue;
      }
      let c4 = e4;
      if (this.options.extensions?.startBlock) {
        let u4 = 1 / 0, d5 = e4.slice(1), h5;
        this.options.extensions.startBlock.forEach((p5) => {
          h5 = p5.call({ lexer: this }, d5), typeof h5 == "number" && h5 >= 0 && (u4 = Math.min(u4, h5));
        }), u4 < 1 / 0 && u4 >= 0 && (c4 = e4.substring(0, u4 + 1));
      }
      if (this.state.top && (a5 = this.tokenizer.paragraph(c4))) {
        let u4 = t4.at(-1);
        (n3 || u4 === o5 && i4) && u4?.type === "paragraph" ? (u4.raw += (u4.raw.endsWith(`
`) ? "" : `
`) + a5.raw, u4.text += `
` + a5.text, this.inlineQueue.pop(), this.inlineQueue.at(-1).src = u4.text, o5 = u4) : (t4.push(a5), o5 = a5), n3 = c4.length !== e4.length, e4 = e4.substring(a5.raw.length);
        continue;
      }
      if (a5 = this.tokenizer.text(e4)) {
        e4 = e4.substring(a5.raw.length);
        let u4 = t4.at(-1);
        u4?.type === "text" ? (u4.raw += (u4.raw.endsWith(`
`) ? "" : `
`) + a5.raw, u4.text += `
` + a5.text, this.inlineQueue.pop(), this.inlineQueue.at(-1).src = u4.text) : t4.push(a5);
        continue;
      }
      if (e4) {
        this.infiniteLoopError(e4.charCodeAt(0));
        break;
      }
    }
    return this.state.top = !0, this.state.lastToken = r4, t4;
  }
  inline(e4, t4 = []) {
    return this.inlineQueue.push({ src: e4, tokens: t4 }), t4;
  }
  linkInText(e4) {
    if (!e4.includes("[")) return !1;
    let t4 = this.tokenizer.rules.inline.link;
    for (let n3 of e4.matchAll(this.tokenizer.rules.inline.blockSkip)) if (t4.test(n3[0]) && e4.charAt(n3.index - 1) !== "!") return !0;
    for (let n3 of e4.matchAll(this.tokenizer.rules.inline.reflinkSearch)) {
      let r4 = n3[0], s4 = r4.lastIndexOf("[");
      if (!(r4.charAt(0) === "!" || !Object.hasOwn(this.tokens.links, W(r4.slice(s4 + 1, -1)))) && !(s4 > 1 && this.linkInText(r4.slice(1, s4 - 1)))) return !0;
    }
    return !1;
  }
  inlineTokens(e4, t4 = []) {
    this.tokenizer.lexer = this;
    let n3 = this.state.linkParenPossible;
    this.state.linkParenPossible = e4.includes(")");
    try {
      return this.#t(e4, t4);
    } finally {
      this.state.linkParenPossible = n3;
    }
  }
  #t(e4, t4) {
    let n3 = e4.includes("*") || e4.includes("_") || e4.includes("~"), r4 = n3 || this.options.hooks?.emStrongMask || this.tokenizer.emStrong !== _4.prototype.emStrong || this.tokenizer.del !== _4.prototype.del ? this.#r(e4) : e4;
    if (!n3) return this.#e(e4, r4, t4);
    qe(this.tokenizer, r4);
    try {
      return this.#e(e4, r4, t4);
    } finally {
      ve(this.tokenizer);
    }
  }
  #e(e4, t4, n3) {
    let r4 = !1, s4 = "", o5 = 1 / 0;
    for (; e4; ) {
      if (e4.length < o5) o5 = e4.length;
      else {
        this.infiniteLoopError(e4.charCodeAt(0));
        break;
      }
      r4 || (s4 = ""), r4 = !1;
      let i4;
      if (this.options.extensions?.inline?.some((u4) => (i4 = u4.call({ lexer: this }, e4, n3)) ? (e4 = e4.substring(i4.raw.length), n3.push(i4), !0) : !1)) continue;
      if (i4 = this.tokenizer.escape(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.tag(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.link(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.reflink(e4, this.tokens.links)) {
        e4 = e4.substring(i4.raw.length);
        let u4 = n3.at(-1);
        i4.type === "text" && u4?.type === "text" ? (u4.raw += i4.raw, u4.text += i4.text) : n3.push(i4);
        continue;
      }
      let a5 = e4[0];
      if (a5 === "*" || a5 === "_") {
        let u4 = t4.length - e4.length;
        if (oe(this.tokenizer, t4, a5) <= u4) {
          let h5 = 1;
          for (; h5 < e4.length && e4.charCodeAt(h5) === a5.charCodeAt(0); ) h5++;
          let p5 = e4.substring(0, h5), k4 = n3.at(-1);
          k4?.type === "text" && !k4.escaped ? (k4.raw += p5, k4.text += p5) : n3.push({ type: "text", raw: p5, text: p5, escaped: !1 }), e4 = e4.substring(h5), s4 = a5, r4 = !0;
          continue;
        }
      } else if (a5 === "~") {
        let u4 = t4.length - e4.length;
        if (ae(this.tokenizer, t4) <= u4) {
          let h5 = 1;
          for (; h5 < e4.length && e4.charCodeAt(h5) === 126; ) h5++;
          let p5 = e4.substring(0, h5), k4 = n3.at(-1);
          k4?.type === "text" && !k4.escaped ? (k4.raw += p5, k4.text += p5) : n3.push({ type: "text", raw: p5, text: p5, escaped: !1 }), e4 = e4.substring(h5), s4 = a5, r4 = !0;
          continue;
        }
      }
      if (i4 = this.tokenizer.emStrong(e4, t4, s4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.codespan(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.br(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.del(e4, t4, s4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (i4 = this.tokenizer.autolink(e4)) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      if (!this.state.inLink && (i4 = this.tokenizer.url(e4))) {
        e4 = e4.substring(i4.raw.length), n3.push(i4);
        continue;
      }
      let c4 = e4;
      if (this.options.extensions?.startInline) {
        let u4 = 1 / 0, d5 = e4.slice(1), h5;
        this.options.extensions.startInline.forEach((p5) => {
          h5 = p5.call({ lexer: this }, d5), typeof h5 == "number" && h5 >= 0 && (u4 = Math.min(u4, h5));
        }), u4 < 1 / 0 && u4 >= 0 && (c4 = e4.substring(0, u4 + 1));
      }
      if (i4 = this.tokenizer.inlineText(c4)) {
        e4 = e4.substring(i4.raw.length), i4.raw.slice(-1) !== "_" && (s4 = i4.raw.slice(-1)), r4 = !0;
        let u4 = n3.at(-1);
        u4?.type === "text" ? (u4.raw += i4.raw, u4.text += i4.text) : n3.push(i4);
        continue;
      }
      if (e4) {
        this.infiniteLoopError(e4.charCodeAt(0));
        break;
      }
    }
    return n3;
  }
  #n(e4) {
    let { blockSkip: t4, tag: n3, autolink: r4 } = this.tokenizer.rules.inline, s4 = "", o5 = 0, i4;
    for (t4.lastIndex = 0; i4 = t4.exec(e4); ) {
      let a5 = i4.index + (i4[2] ? i4[2].length : 0), c4 = i4.index + i4[0].length;
      if (e4.charAt(a5) === "<") {
        let u4 = e4.slice(a5), d5 = n3.exec(u4) || r4.exec(u4);
        if (!d5) {
          t4.lastIndex = a5 + 1;
          continue;
        }
        c4 = a5 + d5[0].length, t4.lastIndex = c4;
      }
      s4 += e4.slice(o5, a5) + "[" + "a".repeat(c4 - a5 - 2) + "]", o5 = c4;
    }
    return s4 + e4.slice(o5);
  }
  #r(e4) {
    let t4 = e4;
    if (this.tokens.links && e4.includes("[")) {
      let n3 = this.tokenizer.rules.inline.reflinkSearch, r4 = (s4) => {
        let o5 = s4.lastIndexOf("[");
        if (!Object.hasOwn(this.tokens.links, W(s4.slice(o5 + 1, -1)))) return s4;
        if (o5 > 1 && s4.charAt(0) !== "!") {
          let i4 = s4.slice(1, o5 - 1);
          if (this.linkInText(i4)) return "[" + i4.replace(n3, r4) + "][" + "a".repeat(s4.length - o5 - 2) + "]";
        }
        return "[" + "a".repeat(s4.length - 2) + "]";
      };
      t4 = t4.replace(n3, r4);
    }
    return t4 = t4.replace(this.tokenizer.rules.inline.anyPunctuationOutsideCode, (n3, r4, s4) => s4 ? "+".repeat(n3.length) : r4 ? r4 + n3.slice(r4.length, -r4.length).replace(/`/g, "+") + r4 : n3), t4 = this.#n(t4), t4 = this.options.hooks?.emStrongMask?.call({ lexer: this }, t4) ?? t4, t4;
  }
  infiniteLoopError(e4) {
    let t4 = "Infinite loop on byte: " + e4;
    if (this.options.silent) console.error(t4);
    else throw new Error(t4);
  }
};

// src/markdown.tsx
var MAX_MARKDOWN = 4e4, FIRST_PART = 2e4, MAX_DEPTH = 24;
function Markdown({ text }) {
  return w2(() => {
    let whole = clean(text), tokens = whole.length > MAX_MARKDOWN ? null : lex(whole);
    return tokens === null ? a4(LongText, { text: whole }) : a4("div", { class: "prose", children: tokens.map((token, at2) => a4(Block, { token, depth: 0 }, at2)) });
  }, [text]);
}
function lex(text) {
  try {
    return w5.lex(text, { gfm: !0, breaks: !0 });
  } catch {
    return null;
  }
}
function LongText({ text }) {
  let [all, setAll] = d2(!1), shown = all ? text : text.slice(0, FIRST_PART);
  return a4("div", { class: "prose", children: [
    a4("p", { class: "plain", dir: "auto", children: shown }),
    shown.length < text.length && a4("button", { type: "button", class: "button quiet", onClick: () => setAll(!0), children: [
      "Show all ",
      text.length.toLocaleString("en"),
      " characters"
    ] })
  ] });
}
function Block({ token, depth }) {
  return w2(() => a4($, { children: block(token, depth) }), [token.type, token.raw, depth]);
}
function blocks(tokens, depth) {
  return (tokens ?? []).map((token, at2) => a4(Block, { token, depth: depth + 1 }, at2));
}
function block(token, depth) {
  if (depth > MAX_DEPTH) return token.raw;
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "paragraph":
      return a4("p", { dir: "auto", children: inline(token.tokens, depth) });
    case "heading":
      return heading(token, depth);
    case "code":
      return a4(Code, { text: token.text, language: token.lang ?? "" });
    case "blockquote":
      return a4("blockquote", { dir: "auto", children: blocks(token.tokens, depth) });
    case "list":
      return list(token, depth);
    case "table":
      return table(token, depth);
    case "hr":
      return a4("hr", {});
    case "html":
      return a4("p", { class: "plain", dir: "auto", children: token.raw });
    case "text":
      return token.tokens ? inline(token.tokens, depth) : decodeEntities(String(token.text));
    default:
      return inline([token], depth);
  }
}
function heading(token, depth) {
  let Level = ["h3", "h4", "h5", "h6"][Math.min(token.depth, 4) - 1] ?? "h6";
  return a4(Level, { dir: "auto", children: inline(token.tokens, depth) });
}
function list(token, depth) {
  let items = token.items.map((item, at2) => a4("li", { dir: "auto", class: item.task ? "task" : void 0, children: [
    item.task && a4("span", { class: "box", children: item.checked ? "[x] " : "[ ] " }),
    blocks(item.tokens.filter((inner) => inner.type !== "checkbox"), depth)
  ] }, at2));
  return token.ordered ? a4("ol", { start: token.start === "" ? 1 : token.start, children: items }) : a4("ul", { children: items });
}
function table(token, depth) {
  let side = (cell) => cell.align ? `align-${cell.align}` : void 0;
  return a4("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Table", children: a4("table", { children: [
    a4("thead", { children: a4("tr", { children: token.header.map((cell, at2) => a4("th", { scope: "col", dir: "auto", class: side(cell), children: inline(cell.tokens, depth) }, at2)) }) }),
    a4("tbody", { children: token.rows.map((row, at2) => a4("tr", { children: row.map((cell, column) => a4("td", { dir: "auto", class: side(cell), children: inline(cell.tokens, depth) }, column)) }, at2)) })
  ] }) });
}
function inline(tokens, depth) {
  return depth > MAX_DEPTH ? (tokens ?? []).map((token) => token.raw).join("") : (tokens ?? []).map((token) => span(token, depth + 1));
}
function span(token, depth) {
  switch (token.type) {
    case "strong":
      return a4("strong", { children: inline(token.tokens, depth) });
    case "em":
      return a4("em", { children: inline(token.tokens, depth) });
    case "del":
      return a4("del", { children: inline(token.tokens, depth) });
    case "codespan":
      return a4("code", { dir: "auto", children: token.text });
    case "br":
      return a4("br", {});
    case "link":
      return a4(Link, { href: String(token.href), raw: token.raw, children: inline(token.tokens, depth) });
    case "image":
      return a4(Link, { href: String(token.href), raw: token.raw, children: [
        "image: ",
        decodeEntities(String(token.text)) || "no description"
      ] });
    case "escape":
      return String(token.text);
    case "text":
      return token.tokens ? inline(token.tokens, depth) : decodeEntities(String(token.text));
    case "paragraph":
      return inline(token.tokens, depth);
    default:
      return token.raw;
  }
}
function Link({ href: href2, raw, children }) {
  let safe = safeHref(href2);
  if (safe === null) return a4("bdi", { children: raw });
  let host = new URL(safe).host;
  return a4("bdi", { children: [
    a4("a", { href: safe, target: "_blank", rel: "noopener noreferrer", title: safe, children }),
    host !== "" && !raw.startsWith("http") && !raw.startsWith("<") && a4("span", { class: "host", children: [
      " (",
      host,
      ")"
    ] })
  ] });
}
function Code({ text, language }) {
  let [copied, setCopied] = d2(""), copy = () => {
    let done = (ok) => () => setCopied(ok ? "Copied" : "Select the text to copy it");
    navigator.clipboard ? navigator.clipboard.writeText(text).then(done(!0), done(!1)) : done(!1)();
  }, name = language.split(/\s/)[0] ?? "";
  return a4("div", { class: "code", children: [
    a4("div", { class: "code-head", children: [
      a4("span", { class: "muted", children: name || "text" }),
      a4("span", { role: "status", class: "muted", children: copied }),
      a4("button", { type: "button", class: "button quiet", onClick: copy, children: [
        "Copy",
        a4("span", { class: "sr", children: " this code" })
      ] })
    ] }),
    a4("pre", { tabIndex: 0, role: "region", "aria-label": name ? `Code, ${name}` : "Code", dir: "ltr", children: a4("code", { children: text }) })
  ] });
}

// src/approvals.tsx
var SETTLE_MS = 400, movedAt = 0, SHORT = 240, ONE_LINE = 60;
function Approvals({ as: As }) {
  let cards = [...approvals.value.values()].sort((a5, b3) => a5.created_at - b3.created_at || (a5.id < b3.id ? -1 : 1)), shape = cards.map((card) => `${card.id}${card.status === "pending"}`).join();
  F2(() => {
    movedAt = performance.now();
  }, [shape]);
  let open = pending.value.length;
  return a4(As, { id: As === "main" ? "main" : "approvals", class: "panel approvals", tabIndex: 0, "aria-labelledby": "approvals-title", children: [
    a4("h2", { id: "approvals-title", tabIndex: -1, children: [
      "Approvals",
      open > 0 && a4("span", { class: "count", children: [
        " ",
        open,
        " open"
      ] })
    ] }),
    cards.length === 0 && a4("p", { class: "muted", children: loaded.value ? "Nothing waits for you. Acts that need a decision appear here." : "Loading…" }),
    cards.map((card) => a4(Card, { card }, card.id))
  ] });
}
function ApprovalVoice() {
  let newest = pending.value.at(-1);
  return a4("p", { class: "sr", role: "status", children: newest ? `Approval ${newest.id} waits for a decision: ${exact(newest.plan.title)}.` : "" });
}
function Card({ card }) {
  let element = T2(null), wasPending = T2(card.status === "pending"), hadFocus = T2(!1), isPending = card.status === "pending";
  F2(() => {
    wasPending.current && !isPending && hadFocus.current && element.current?.querySelector("summary")?.focus(), wasPending.current = isPending;
  }, [isPending]);
  let name = `Approval ${card.id}: ${exact(card.plan.title)}`;
  return a4(
    "article",
    {
      ref: element,
      class: `card ${card.status}`,
      "aria-label": name,
      onFocusIn: () => hadFocus.current = !0,
      onFocusOut: (event) => hadFocus.current = event.relatedTarget === null && hadFocus.current,
      children: [
        isPending ? a4(Open, { card }) : a4(Decided, { card }),
        a4(Said, { id: card.id })
      ]
    }
  );
}
function Said({ id }) {
  let note2 = notes.value.get(id);
  return a4("p", { class: note2?.bad ? "note bad" : "note", role: "status", dir: "auto", children: note2 ? exact(note2.text) : "" });
}
function Open({ card }) {
  let title = exact(card.plan.title), busy2 = notes.value.get(card.id)?.busy ?? !1, left = card.expires_at - now.value, choose = (yes) => (event) => {
    event.detail > 0 && performance.now() - movedAt < SETTLE_MS || decide(card, yes);
  };
  return a4($, { children: [
    a4("div", { class: "card-head", children: [
      a4("h3", { children: a4("bdi", { children: title }) }),
      a4("code", { class: "code-id", children: card.id })
    ] }),
    a4("p", { class: "small", children: [
      a4("span", { class: `effect ${card.effect === "destructive" ? "hard" : ""}`, children: exact(card.effect) }),
      " ",
      a4("span", { class: "muted", children: [
        "asked by ",
        a4("bdi", { children: exact(card.requested_by ?? "nobody known") })
      ] })
    ] }),
    a4(Plan, { card }),
    a4("p", { class: "small", children: [
      left > 0 ? a4($, { children: [
        "Decide within ",
        a4("span", { class: "figure", children: countdown(card.expires_at, now.value) })
      ] }) : "The time for this decision seems to be over.",
      card.need > 1 && ` It takes ${card.need} approvals.`
    ] }),
    a4("div", { class: "choices", children: [
      a4("button", { type: "button", class: card.effect === "destructive" ? "button yes hard" : "button yes", "aria-disabled": busy2, onClick: choose(!0), children: a4("span", { children: [
        "Approve: ",
        a4("bdi", { children: title })
      ] }) }),
      a4("button", { type: "button", class: "button no", "aria-disabled": busy2, onClick: choose(!1), children: [
        "Deny",
        a4("span", { class: "sr", children: [
          ": ",
          title
        ] })
      ] })
    ] })
  ] });
}
function Decided({ card }) {
  let outcome = outcomeText(card);
  return a4("details", { children: [
    a4("summary", { children: a4("span", { class: "decided", children: [
      a4("bdi", { children: exact(card.plan.title) }),
      " ",
      a4("span", { class: "muted", children: approvalText(card) })
    ] }) }),
    outcome && a4(Markdown, { text: outcome }),
    a4(Plan, { card }),
    canAskAgain(card) && a4("button", { type: "button", class: "button", onClick: () => {
      askAgain(card);
    }, children: [
      "Ask again",
      a4("span", { class: "sr", children: [
        ": ",
        exact(card.plan.title)
      ] })
    ] })
  ] });
}
function Names({ text }) {
  let parts = text.split("`");
  return parts.length % 2 === 0 ? a4($, { children: exact(text) }) : a4($, { children: parts.map((part, at2) => at2 % 2 === 1 ? a4("code", { children: exact(part) }, at2) : exact(part)) });
}
function Plan({ card }) {
  let { says, before, after, undo } = card.plan, lines = JSON.stringify(card.arguments, null, 2) ?? "none", line = lines.replace(/\n */g, " "), given = exact(line.length <= ONE_LINE ? line : lines);
  return a4($, { children: [
    (says ?? []).map((line2, at2) => a4("p", { class: "plan-line", dir: "auto", children: a4(Names, { text: line2 }) }, at2)),
    (before || after) && a4("div", { class: "change", children: [
      a4("p", { dir: "auto", children: [
        a4("span", { class: "label", children: "Before" }),
        exact(before ?? "not known")
      ] }),
      a4(Icon, { shape: "arrow" }),
      a4("p", { dir: "auto", children: [
        a4("span", { class: "label", children: "After" }),
        exact(after ?? "not known")
      ] })
    ] }),
    undo && a4("p", { class: "small", dir: "auto", children: [
      a4("span", { class: "muted", children: "To undo: " }),
      exact(undo)
    ] }),
    a4("details", { class: "arguments", open: given.length <= SHORT, children: [
      a4("summary", { children: [
        "Arguments of ",
        a4("bdi", { children: exact(card.tool) })
      ] }),
      a4("pre", { tabIndex: 0, role: "region", "aria-label": `Arguments of ${exact(card.tool)}`, dir: "ltr", children: given })
    ] })
  ] });
}

// src/audit.tsx
var PAGE2 = 100, audit = y3({ entries: [], check: null, more: !1, loading: !1, error: null });
async function load2(before) {
  if (audit.value.loading) return;
  audit.value = { ...audit.value, loading: !0, error: null };
  let query = before === null ? "" : `&before=${before}`;
  try {
    let { entries, check } = await get(`/audit?limit=${PAGE2}${query}`);
    audit.value = { entries, check, more: entries.length >= PAGE2, loading: !1, error: null };
  } catch (error) {
    audit.value = { ...audit.value, loading: !1, error: sentence(error) };
  }
}
function Audit() {
  A2(() => {
    load2(null);
  }, []);
  let { entries, check, more, loading, error } = audit.value, last = entries.at(-1);
  return a4("main", { id: "main", class: "panel view", tabIndex: 0, "aria-labelledby": "audit-title", children: [
    a4("div", { class: "view-head", children: [
      a4("h2", { id: "audit-title", tabIndex: -1, children: "Audit" }),
      a4("div", { class: "row", children: [
        last && more && a4("button", { type: "button", class: "button", onClick: () => {
          load2(last.id);
        }, children: "Older" }),
        a4("button", { type: "button", class: "button", onClick: () => {
          load2(null);
        }, children: loading ? "Loading…" : "Newest" })
      ] })
    ] }),
    a4("p", { role: "status", class: check?.chain === "broken" ? "chain broken" : "chain", children: chainText(check) }),
    error && a4("p", { class: "problem", role: "alert", children: exact(error) }),
    a4("ol", { class: "entries", children: entries.map((entry) => a4(Entry, { entry }, entry.id)) }),
    !loading && !error && entries.length === 0 && a4("p", { class: "muted", children: "Nothing was written yet." })
  ] });
}
function chainText(check) {
  return check ? check.chain === "broken" ? `✕ The chain is broken: entry ${check.at} does not fit its hash. Somebody or something changed it.` : `✓ The chain is intact: ${check.entries.toLocaleString("en")} ${check.entries === 1 ? "entry fits its hash" : "entries fit their hashes"}.` : "The chain of hashes was not checked yet.";
}
function Entry({ entry }) {
  let { prev, hash, ...rest } = entry, facts = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)), verdict = [entry.decision, entry.outcome].filter((word) => word !== null);
  return a4("li", { children: a4("details", { children: [
    a4("summary", { children: a4("span", { class: "entry", children: [
      a4("span", { class: "figure muted", children: entry.id }),
      a4("time", { class: "figure muted", dateTime: new Date(entry.at).toISOString(), children: clock(entry.at, Date.now()) }),
      a4("span", { class: "kind", children: [
        a4("bdi", { children: exact(entry.kind) }),
        entry.tool && a4($, { children: [
          " ",
          a4("bdi", { class: "muted", children: exact(entry.tool) })
        ] })
      ] }),
      a4("span", { class: "verdict", children: a4("bdi", { children: exact(verdict.join(", ")) }) })
    ] }) }),
    a4("pre", { tabIndex: 0, role: "region", "aria-label": `Entry ${entry.id}`, dir: "ltr", children: exact(JSON.stringify(facts, null, 2)) }),
    a4("p", { class: "muted small hash", children: [
      "hash ",
      exact(hash),
      ", before it ",
      exact(prev)
    ] })
  ] }) });
}

// src/composer.tsx
var drafts = y3(/* @__PURE__ */ new Map()), busy = y3(!1);
function write(conversation, text) {
  drafts.value = new Map(drafts.value).set(conversation, text);
}
async function send() {
  let conversation = thread.value.conversation_id ?? "", text = (drafts.value.get(conversation) ?? "").trim();
  if (text === "" || busy.value) return;
  busy.value = !0;
  let taken = await say(text);
  busy.value = !1, taken && write(conversation, "");
}
function pressed(event) {
  event.key !== "Enter" || event.shiftKey || event.isComposing || (event.preventDefault(), send());
}
function Composer() {
  let conversation = thread.value.conversation_id ?? "";
  return a4("form", { class: "composer", "aria-label": "Write to Jarvis", onSubmit: (event) => {
    event.preventDefault(), send();
  }, children: [
    a4("label", { class: "sr", for: "say", children: "Message" }),
    a4(
      "textarea",
      {
        id: "say",
        rows: 1,
        value: drafts.value.get(conversation) ?? "",
        dir: "auto",
        autocomplete: "off",
        placeholder: "Message Jarvis",
        "aria-describedby": "say-help",
        readOnly: busy.value,
        onInput: (event) => write(conversation, event.currentTarget.value),
        onKeyDown: pressed
      }
    ),
    answering.value && a4("button", { type: "button", class: "button", onClick: () => {
      stop();
    }, "aria-keyshortcuts": "Escape", children: stopping.value ? "Stopping…" : "Stop" }),
    a4("button", { type: "submit", class: "button primary", children: "Send" }),
    a4("p", { id: "say-help", class: "muted small", children: [
      a4("kbd", { children: "Enter" }),
      " sends, ",
      a4("kbd", { children: "Shift" }),
      "+",
      a4("kbd", { children: "Enter" }),
      " starts a line, ",
      a4("kbd", { children: "Esc" }),
      " stops an answer"
    ] })
  ] });
}

// src/chat.tsx
var FOLLOW_PX = 80, OLDER_PX = 120;
function Chat({ notice }) {
  return a4("main", { id: "main", class: "panel chat", "aria-labelledby": "chat-title", children: [
    a4("h2", { id: "chat-title", class: "sr", tabIndex: -1, children: "Conversation" }),
    a4(Log, {}),
    notice && pending.value.length > 0 && a4(Notice, {}),
    a4(Composer, {})
  ] });
}
function Notice() {
  let cards = pending.value, first = cards[0];
  return a4("a", { class: "notice", href: "#/approvals", children: [
    a4("span", { children: cards.length === 1 ? `Waiting for you: ${exact(first?.plan.title ?? "")}` : `${cards.length} acts wait for you` }),
    a4("span", { class: "go", children: "Decide" })
  ] });
}
function Log() {
  let log = T2(null), follow2 = T2(!0), height = T2(0), { messages, more, loading, error, conversation_id } = thread.value, live = openRuns.value, sent = outgoing.value.filter((mine) => mine.conversation_id === conversation_id), first = T2(void 0);
  F2(() => {
    follow2.current = !0;
  }, [conversation_id, sent.length]), F2(() => {
    let element = log.current;
    if (!element) return;
    let prepended = first.current !== void 0 && messages[0]?.id !== first.current;
    follow2.current ? element.scrollTop = element.scrollHeight : prepended && (element.scrollTop += element.scrollHeight - height.current), height.current = element.scrollHeight, first.current = messages[0]?.id;
  });
  let scrolled = () => {
    let element = log.current;
    element && (follow2.current = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX, element.scrollTop < OLDER_PX && loadOlder());
  }, empty = messages.length + live.length + sent.length === 0;
  return a4(
    "section",
    {
      ref: log,
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": "Messages",
      tabIndex: 0,
      onScroll: scrolled,
      "aria-busy": answering.value || loading,
      children: [
        more && a4("button", { type: "button", class: "button quiet older", onClick: () => {
          loadOlder();
        }, children: loading ? "Loading…" : "Older messages" }),
        empty && !loading && !error && a4(Welcome, {}),
        loading && messages.length === 0 && a4("p", { class: "muted center", children: "Loading the conversation…" }),
        messages.map((message) => a4(Stored, { message }, message.id)),
        sent.map((mine) => a4(Sending, { mine }, mine.id)),
        live.map((run) => a4(Live, { run }, run.run_id)),
        error && a4("div", { class: "problem", role: "alert", children: [
          a4("p", { dir: "auto", children: exact(error) }),
          conversation_id !== null && a4("button", { type: "button", class: "button", onClick: () => {
            loadThread(!1);
          }, children: "Load again" })
        ] })
      ]
    }
  );
}
function Welcome() {
  return a4("div", { class: "welcome", children: [
    a4("img", { src: "icon.svg", alt: "", width: "144", height: "144" }),
    a4("p", { class: "lead", children: "What shall we look after?" }),
    a4("p", { class: "muted", children: "Ask about your machines in plain words." }),
    a4("div", { class: "row", children: ["what is running here?", "status", "help"].map((text) => a4("button", { type: "button", class: "button", onClick: () => {
      say(text);
    }, children: text }, text)) })
  ] });
}
function Stored({ message }) {
  let at2 = clock(message.created_at, Date.now()), iso = new Date(message.created_at).toISOString();
  if (message.role === "user")
    return a4("article", { class: "said", "aria-label": `You, ${at2}`, children: [
      a4("p", { class: "plain", dir: "auto", children: clean(message.text) }),
      a4("time", { class: "muted small", dateTime: iso, children: at2 })
    ] });
  let event = message.role === "event", why = whyText(message.detail?.why);
  return a4("article", { class: event ? "happened" : "answer", "aria-label": event ? `Event, ${at2}` : `Jarvis, ${at2}`, children: [
    a4(ToolsLine, { lines: message.detail?.tools ?? [], live: !1 }),
    a4(Markdown, { text: message.text }),
    why && a4("p", { class: "why", children: why }),
    a4("p", { class: "muted small", children: [
      event ? "Event · " : "",
      a4("time", { dateTime: iso, children: at2 }),
      message.detail?.target ? a4($, { children: [
        " · ",
        a4("bdi", { children: exact(message.detail.target) })
      ] }) : null
    ] })
  ] });
}
function Live({ run }) {
  let why = whyText(run.why);
  return a4("article", { class: "answer live", "aria-label": "Jarvis, answering", children: [
    a4(ToolsLine, { lines: run.tools, live: !run.finished }),
    run.text !== "" && a4(Markdown, { text: run.text }),
    !run.whole && !run.finished && a4("p", { class: "muted", children: "An answer is being written. It appears here when it is complete." }),
    run.finished ? why && a4("p", { class: "why", children: why }) : a4("p", { class: "working muted small", children: [
      a4("span", { class: "pulse", "aria-hidden": "true" }),
      "Jarvis is answering…"
    ] })
  ] });
}
function Sending({ mine }) {
  return a4("article", { class: "said", "aria-label": "You, being sent", children: [
    a4("p", { class: "plain", dir: "auto", children: clean(mine.text) }),
    mine.error === null ? a4("p", { class: "muted small", children: "Sending…" }) : a4("div", { class: "problem", role: "alert", children: [
      a4("p", { children: [
        "Not sent: ",
        exact(mine.error)
      ] }),
      a4("div", { class: "row", children: [
        a4("button", { type: "button", class: "button", onClick: () => {
          deliver(mine);
        }, children: "Send again" }),
        a4("button", { type: "button", class: "button quiet", onClick: () => discard(mine), children: "Discard" })
      ] })
    ] })
  ] });
}
function ToolsLine({ lines, live }) {
  return lines.length === 0 ? null : a4("p", { class: "tools small", children: [
    a4("span", { class: "sr", children: "Tools: " }),
    lines.map((line, index) => a4("span", { children: [
      index > 0 && " · ",
      a4("bdi", { class: `tool ${line.status}`, children: toolText(line, waits(line, live)) })
    ] }, line.call_id))
  ] });
}

// src/conversations.tsx
function Conversations({ as: As }) {
  let all = conversations.value;
  return a4(As, { id: As === "main" ? "main" : void 0, class: "panel conversations", tabIndex: 0, "aria-labelledby": "conversations-title", children: [
    a4("div", { class: "view-head", children: [
      a4("h2", { id: "conversations-title", tabIndex: -1, children: "Conversations" }),
      a4("a", { class: "button primary", href: "#/chat/new", children: [
        "New",
        a4("span", { class: "sr", children: " conversation" })
      ] })
    ] }),
    all.length === 0 && a4("p", { class: "muted", children: loaded.value ? "None yet. Say something." : "Loading…" }),
    a4("ul", { children: all.map((one) => a4(Item, { one }, one.id)) })
  ] });
}
function Item({ one }) {
  let here = route.value.view === "chat" && thread.value.conversation_id === one.id, busy2 = [...runs.value.values()].some((run) => run.conversation_id === one.id && !run.finished), state = pending.value.some((card) => card.conversation_id === one.id) ? "waits for you" : busy2 ? "answering" : clock(one.updated_at, Date.now());
  return a4("li", { children: a4("a", { href: href({ view: "chat", conversation: one.id }), "aria-current": here ? "page" : void 0, children: [
    a4("bdi", { class: "title", children: clean(one.title).replace(/\s+/g, " ") || "New conversation" }),
    a4("span", { class: "muted small", children: state })
  ] }) });
}

// src/sse.ts
var SseParser = class {
  rest = "";
  data = [];
  id = null;
  size = 0;
  /** The events that `chunk` completes. Throws when an event is too large. */
  push(chunk) {
    let events2 = [], text = this.rest + chunk, from = 0;
    for (; ; ) {
      let end = nextBreak(text, from);
      if (end < 0) break;
      this.line(text.slice(from, end), events2), from = end + (text.startsWith(`\r
`, end) ? 2 : 1);
    }
    if (this.rest = text.slice(from), this.rest.length + this.size > 8388608) throw new Error("the event stream sent an event that is too large");
    return events2;
  }
  line(line, events2) {
    if (line === "") {
      this.data.length > 0 && events2.push({ id: this.id, data: this.data.join(`
`) }), this.data = [], this.size = 0;
      return;
    }
    let colon = line.indexOf(":"), field = colon < 0 ? line : line.slice(0, colon), value = colon < 0 ? "" : line.slice(line.startsWith(": ", colon) ? colon + 2 : colon + 1);
    field === "data" ? (this.data.push(value), this.size += value.length) : field === "id" && !value.includes("\0") && (this.id = value);
  }
};
function nextBreak(text, from) {
  let feed = text.indexOf(`
`, from), carriage = text.indexOf("\r", from);
  return carriage >= 0 && (feed < 0 || carriage < feed) ? carriage === text.length - 1 ? -1 : carriage : feed;
}

// src/events.ts
var connection = y3({ state: "connecting" }), SILENCE_MS = 4e4, HIDDEN_MS = 5 * 6e4, FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 3e4;
function backoff(attempt, random) {
  let ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return ceiling / 4 + random * (ceiling * 3) / 4;
}
var Events = class {
  constructor(listener) {
    this.listener = listener;
    document.addEventListener("visibilitychange", () => this.visibility()), window.addEventListener("online", () => this.now());
  }
  listener;
  last = null;
  attempt = 0;
  stop = null;
  retry;
  silence;
  hidden;
  /** Forgets the position: with a new key, other events may be ours. */
  restart() {
    this.last = null, this.attempt = 0, this.open();
  }
  /** Tries at once when it is waiting. */
  now() {
    (connection.value.state === "waiting" || connection.value.state === "refused") && this.open();
  }
  visibility() {
    clearTimeout(this.hidden), document.visibilityState === "hidden" ? this.hidden = window.setTimeout(() => this.pause(), HIDDEN_MS) : connection.value.state === "paused" ? this.open() : this.now();
  }
  pause() {
    this.close(), connection.value = { state: "paused" };
  }
  close() {
    clearTimeout(this.retry), clearTimeout(this.silence), this.stop?.abort(), this.stop = null;
  }
  open() {
    this.close(), connection.value = { state: "connecting" };
    let stop2 = new AbortController();
    this.stop = stop2, this.read(stop2).then(
      () => this.again(stop2),
      () => this.again(stop2)
    );
  }
  again(stop2) {
    if (this.stop !== stop2 || connection.value.state === "refused") return;
    this.close();
    let wait = backoff(this.attempt, Math.random());
    this.attempt += 1, connection.value = { state: "waiting", at: Date.now() + wait }, this.retry = window.setTimeout(() => this.open(), wait);
  }
  async read(stop2) {
    let all = headers();
    this.last !== null && (all["last-event-id"] = this.last), this.alive(stop2);
    let response = await fetch("/v1/jarvis/events", { headers: all, signal: stop2.signal, cache: "no-store" });
    if (response.status === 401 || response.status === 403) {
      let error = refused(response.status, await response.text(), all);
      if (this.stop !== stop2) return;
      clearTimeout(this.silence), connection.value = { state: "refused", why: error.message };
      return;
    }
    if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
    connection.value = { state: "live" }, this.listener.connected(this.last === null), await this.pump(stop2, response.body.pipeThrough(new TextDecoderStream()).getReader());
  }
  async pump(stop2, reader) {
    let parser = new SseParser();
    for (; ; ) {
      let { done, value } = await reader.read();
      if (done || this.stop !== stop2) return;
      this.alive(stop2), this.attempt = 0;
      let events2 = parser.push(value);
      events2.length > 0 && this.deliver(events2);
    }
  }
  deliver(events2) {
    this.last = events2.at(-1)?.id ?? this.last, this.listener.received(events2.map((event) => event.data));
  }
  alive(stop2) {
    clearTimeout(this.silence), this.silence = window.setTimeout(() => stop2.abort(), SILENCE_MS);
  }
};

// src/stream.ts
var events = new Events({ connected, received: receive });
function restart() {
  events.restart();
}
function tryNow() {
  events.now();
}

// src/key.tsx
function forgetKey() {
  setKey(null), restart();
}
function KeyForm() {
  let field = T2(null), [key, put] = d2("");
  A2(() => field.current?.focus(), []);
  let use = () => {
    let given = key.trim();
    if (given === "") return field.current?.focus();
    setKey(given), restart();
  };
  return a4("main", { id: "main", class: "panel key", "aria-labelledby": "key-title", children: [
    a4("h2", { id: "key-title", tabIndex: -1, children: "API key" }),
    a4("p", { children: keyWanted.value === "refused" ? "This key was not accepted. It may have been revoked or mistyped." : "Jarvis wants to know who you are." }),
    a4("p", { class: "muted", children: "Make a key on the machine that runs Jarvis:" }),
    a4("pre", { tabIndex: 0, role: "region", "aria-label": "Command", children: a4("code", { children: "jarvis key new console --scope chat,ops,approve" }) }),
    a4("form", { onSubmit: (event) => {
      event.preventDefault(), use();
    }, children: [
      a4("label", { for: "key", children: "Key" }),
      a4(
        "input",
        {
          id: "key",
          ref: field,
          type: "password",
          autocomplete: "off",
          spellcheck: !1,
          value: key,
          required: !0,
          "aria-describedby": "key-help",
          onInput: (event) => put(event.currentTarget.value)
        }
      ),
      a4("p", { id: "key-help", class: "muted small", children: "It is kept in this tab only and forgotten when you close it." }),
      a4("button", { type: "submit", class: "button primary", children: "Use this key" })
    ] })
  ] });
}

// src/models.tsx
var MARK = { closed: "disc", open: "pause", half_open: "turn", hard_down: "cross", missing: "unknown" };
function Models() {
  return a4("main", { id: "main", class: "panel view", tabIndex: 0, "aria-labelledby": "models-title", children: [
    a4("h2", { id: "models-title", tabIndex: -1, children: "Models" }),
    a4("p", { class: "muted", children: "The first that works answers. When none does, Jarvis understands plain commands and says so." }),
    a4(Chains, {}),
    a4(Found, {})
  ] });
}
function Chains() {
  let names = [...new Set(targets.value.flatMap((target) => target.aliases))], alone = targets.value.filter((target) => target.aliases.length === 0);
  return names.length === 0 ? a4(Targets, { hands: !0 }) : a4($, { children: [
    names.map((name) => a4("section", { class: "target-group", "aria-label": `Chain ${exact(name)}`, children: [
      a4("h3", { children: a4("bdi", { children: exact(name) }) }),
      a4(List, { of: targets.value.filter((target) => target.aliases.includes(name)), chain: name, hands: !0 })
    ] }, name)),
    alone.length > 0 && a4("section", { class: "target-group", "aria-label": "In no chain", children: [
      a4("h3", { children: "In no chain" }),
      a4(List, { of: alone, chain: "", hands: !0 })
    ] })
  ] });
}
function Targets({ hands = !1 }) {
  return targets.value.length === 0 ? a4("p", { class: "muted", children: loaded.value ? "No model is set up. Plain commands work: say help." : "Loading…" }) : a4(List, { of: targets.value, hands });
}
function List({ of, chain, hands = !1 }) {
  let Title = chain === void 0 ? "h3" : "h4", others = (target) => target.aliases.filter((name) => name !== chain);
  return a4("ol", { class: "targets", children: of.map((target) => a4("li", { class: `target ${target.state}`, children: [
    a4(Icon, { shape: MARK[target.state] ?? "unknown" }),
    a4("div", { children: [
      a4(Title, { children: a4("bdi", { children: exact(target.name) }) }),
      a4("p", { children: targetText(target, now.value) }),
      target.reason && a4("p", { class: "small", dir: "auto", children: exact(target.reason) }),
      knownText(target) && a4("p", { class: "small", dir: "auto", children: knownText(target) }),
      a4("p", { class: "muted small", children: [
        a4("bdi", { children: exact(target.kind) }),
        " · ",
        a4("bdi", { children: exact(target.class) }),
        others(target).length > 0 && a4($, { children: [
          " · ",
          chain === void 0 ? "also called" : "also in",
          " ",
          a4("bdi", { children: others(target).map(exact).join(", ") })
        ] })
      ] }),
      hands && a4(Hand, { target })
    ] })
  ] }, target.name)) });
}
function Hand({ target }) {
  let note2 = notes.value.get(target.name), { state, breakers, name } = target, to = state === "closed" && !breakers.model.forced ? "open" : "reset", label = to === "open" ? `Leave alone for ${HELD_MINUTES} min` : "Try again now";
  return a4("p", { class: "small", children: [
    a4("button", { type: "button", class: "button quiet", "aria-disabled": note2?.busy ?? !1, onClick: () => {
      force(target, to);
    }, children: [
      label,
      a4("span", { class: "sr", children: [
        ": ",
        exact(name)
      ] })
    ] }),
    a4("span", { role: "status", children: note2?.text ?? "" })
  ] });
}
function Found() {
  let known = status.value;
  return known ? a4("section", { "aria-labelledby": "found-title", children: [
    a4("h3", { id: "found-title", children: "Found at the start" }),
    a4("ul", { class: "found", children: known.found.map((thing) => a4("li", { class: thing.ok ? "ok" : void 0, children: [
      a4(Icon, { shape: thing.ok ? "check" : "dash" }),
      a4("div", { children: [
        a4("strong", { children: a4("bdi", { children: exact(thing.what) }) }),
        " ",
        a4("span", { class: "muted", children: thing.ok ? "found" : "not available" }),
        a4("p", { class: "small", dir: "auto", children: exact(thing.says) })
      ] })
    ] }, thing.what)) }),
    a4("p", { class: "muted small", children: [
      "Jarvis ",
      exact(known.version),
      ", up ",
      duration(now.value - known.started_at),
      "."
    ] }),
    hasKey() && a4("button", { type: "button", class: "button", onClick: forgetKey, children: "Forget the API key of this tab" })
  ] }) : null;
}

// src/width.ts
var WIDE = "(min-width: 1180px)", MEDIUM = "(min-width: 760px)";
function follow(query) {
  let list2 = matchMedia(query), matches = y3(list2.matches);
  return list2.addEventListener("change", () => matches.value = list2.matches), matches;
}
var isWide = follow(WIDE), isMedium = follow(MEDIUM), wide = O(() => isWide.value ? "wide" : isMedium.value ? "medium" : "narrow");

// src/app.tsx
var NAMES = {
  chat: "Chat",
  conversations: "History",
  approvals: "Approvals",
  models: "Models",
  audit: "Audit"
};
function App() {
  let { view } = route.value, size = wide.value;
  if (useViewFocus(view), useEscape(), keyWanted.value)
    return a4("div", { class: "app asking", children: [
      a4(Header, {}),
      a4(KeyForm, {})
    ] });
  let rail = size === "wide" && view === "chat";
  return a4("div", { class: `app ${size} ${rail ? "with-rail" : ""}`, children: [
    a4("a", { class: "skip", href: "#main", onClick: jump("main h2"), children: "Skip to the content" }),
    view === "chat" && a4("a", { class: "skip", href: "#say", onClick: jump("#say"), children: "Skip to the message" }),
    rail && a4("a", { class: "skip", href: "#approvals", onClick: jump("#approvals h2"), children: "Skip to the approvals" }),
    a4(Header, {}),
    a4("div", { class: "side", children: [
      a4(Navigation, {}),
      size !== "narrow" && view !== "conversations" && a4(Conversations, { as: "section" })
    ] }),
    view === "chat" && a4(Chat, { notice: !rail }),
    view === "conversations" && a4(Conversations, { as: "main" }),
    view === "approvals" && a4(Approvals, { as: "main" }),
    view === "models" && a4(Models, {}),
    view === "audit" && a4(Audit, {}),
    rail && a4("div", { class: "rail", children: [
      a4(Approvals, { as: "aside" }),
      pending.value.length === 0 && a4("section", { class: "panel view", tabIndex: 0, "aria-labelledby": "models-title", children: [
        a4("h2", { id: "models-title", children: "Models" }),
        a4(Targets, {})
      ] })
    ] }),
    a4(ApprovalVoice, {})
  ] });
}
function jump(to) {
  return (event) => {
    event.preventDefault(), document.querySelector(to)?.focus();
  };
}
function useViewFocus(view) {
  let before = T2(view);
  A2(() => {
    before.current !== view && document.querySelector("main h2")?.focus(), before.current = view;
  }, [view]);
}
function useEscape() {
  A2(() => {
    let pressed2 = (event) => {
      event.key !== "Escape" || event.isComposing || !answering.value || (event.preventDefault(), stop());
    };
    return document.addEventListener("keydown", pressed2), () => document.removeEventListener("keydown", pressed2);
  }, []);
}
function Header() {
  return a4("header", { class: "panel header", children: [
    a4("img", { src: "icon.svg", alt: "", width: "28", height: "28" }),
    a4("h1", { children: "Jarvis" }),
    a4(Connected, {}),
    loadError.value && a4("p", { class: "problem", role: "alert", children: [
      "Not everything could be loaded: ",
      loadError.value,
      " ",
      a4("button", { type: "button", class: "button", onClick: () => {
        loadAll();
      }, children: "Load again" })
    ] })
  ] });
}
function Connected() {
  let state = connection.value;
  return a4("div", { class: "connection", children: [
    a4("span", { class: `light ${state.state}`, "aria-hidden": "true" }),
    a4("p", { class: "small", children: [
      a4("span", { role: "status", children: connectionText(state) }),
      state.state === "waiting" && a4("span", { class: "muted next", children: [
        " Next try in ",
        Math.max(0, Math.ceil((state.at - now.value) / 1e3)),
        " s."
      ] })
    ] }),
    state.state === "waiting" && a4("button", { type: "button", class: "button quiet", onClick: tryNow, children: "Try now" }),
    state.state === "refused" && !keyWanted.value && a4("button", { type: "button", class: "button", onClick: () => keyWanted.value = "missing", children: "Use another key" })
  ] });
}
function connectionText(state) {
  switch (state.state) {
    case "connecting":
      return "Connecting…";
    case "live":
      return "Connected";
    case "waiting":
      return "Not connected.";
    case "paused":
      return "Paused while hidden";
    case "refused":
      return keyWanted.value ? "An API key is needed" : `Refused: ${state.why}`;
  }
}
function Navigation() {
  let open = pending.value.length, views = VIEWS.filter((view) => view !== "conversations" || wide.value === "narrow");
  return a4("nav", { class: "panel nav", "aria-label": "Views", children: a4("ul", { children: views.map((view) => a4("li", { children: a4("a", { href: `#/${view}`, "aria-current": route.value.view === view ? "page" : void 0, children: [
    NAMES[view],
    view === "approvals" && open > 0 && a4("span", { class: "badge", children: [
      open,
      a4("span", { class: "sr", children: " open" })
    ] })
  ] }) }, view)) }) });
}

// src/main.tsx
window.addEventListener("hashchange", () => route.value = parse(location.hash));
setInterval(() => now.value = Date.now(), 1e3);
x2(() => {
  let open = pending.value.length;
  connection.value.state === "paused" ? document.title = "Jarvis (paused)" : document.title = open > 0 ? `(${open}) Jarvis` : "Jarvis";
});
x2(() => {
  let { view, conversation } = route.value;
  if (view !== "chat") return;
  if (conversation !== null) return f3(() => openConversation(conversation === "new" ? null : conversation));
  let newest = f3(() => thread.value.conversation_id) ?? conversations.value[0]?.id;
  (newest || loaded.value) && location.replace(href({ view: "chat", conversation: newest ?? "new" }));
});
var root = document.getElementById("app");
root && Q(a4(App, {}), root);
restart();
