---Suggestions against the text of a buffer; plain strings, counted in bytes.
local M = {}

---@class slm_lsp.Anchor What an item says about its line, and the line as it was when the item came.
---@field row integer The line, from 0.
---@field text string What stands in the line after `before` once the item is accepted.
---@field before string The line up to where the item begins.
---@field replaced string What the item replaces from the cursor on.
---@field after string The line from where the item ends.

---@class slm_lsp.Rest What of an item is not typed yet.
---@field text string
---@field replaced string What it replaces in the line, from the cursor on.

---Return where an item lies in its line.
---@param item lsp.InlineCompletionItem
---@param line string The line that the answer is about.
---@param row integer The line's number, from 0.
---@param col integer The cursor's byte in it.
---@param encoding string The units of the item's range.
---@return slm_lsp.Anchor?
function M.anchor(item, line, row, col, encoding)
  local text = item.insertText
  text = type(text) == 'string' and text or text.value
  text = text:gsub('\r\n?', '\n')
  local from, to = col, col
  if item.range then
    if item.range.start.line ~= row or item.range['end'].line ~= row then
      return nil
    end
    from = vim.str_byteindex(line, encoding, item.range.start.character, false)
    to = math.max(col, vim.str_byteindex(line, encoding, item.range['end'].character, false))
  end
  return {
    row = row,
    text = text,
    before = line:sub(1, from),
    replaced = line:sub(col + 1, to),
    after = line:sub(to + 1),
  }
end

---@class slm_lsp.Place Where a character of one text stands in another.
---@field before integer The bytes before it in the one.
---@field at integer Its first byte in the other.
---@field size integer Its bytes.

---Return where the characters of `inner` stand in `outer`, if it can be had from it by leaving some out.
---@param inner string
---@param outer string
---@return slm_lsp.Place[]?
local function places(inner, outer)
  local found, from, before = {}, 1, 0
  for char in inner:gmatch('[^\128-\191][\128-\191]*') do
    local at = outer:find(char, from, true)
    if not at then
      return nil
    end
    found[#found + 1] = { before = before, at = at, size = #char }
    from, before = at + #char, before + #char
  end
  return found
end

---Return what of an item is left at the cursor, or nil if the line does not go on as the item says.
---@param anchor slm_lsp.Anchor
---@param line string The line now.
---@param row integer The cursor's line, from 0.
---@param col integer The cursor's byte in it.
---@return slm_lsp.Rest?
function M.rest(anchor, line, row, col)
  local typed = line:sub(#anchor.before + 1, col)
  local fits = row == anchor.row
    and col >= #anchor.before
    and #line - #anchor.after >= col
    and vim.startswith(line, anchor.before)
    and vim.endswith(line, anchor.after)
    and vim.startswith(anchor.text, typed)
  if not fits then
    return nil
  end
  local rest = { text = anchor.text:sub(#typed + 1), replaced = line:sub(col + 1, #line - #anchor.after) }
  -- A bracket that the editor closed meanwhile is no reason to take the text away if it has that bracket too.
  if rest.text == '' or not (rest.replaced == anchor.replaced or places(rest.replaced, rest.text)) then
    return nil
  end
  return rest
end

---Return the text in pieces, each with the bytes of `replaced` that stand before it; nil if they don't fit.
---@param rest slm_lsp.Rest
---@return { [1]: integer, [2]: string }[]?
function M.pieces(rest)
  local found = places(rest.replaced, rest.text)
  if not found then
    return nil
  end
  found[#found + 1] = { before = #rest.replaced, at = #rest.text + 1, size = 0 }
  local pieces, from = {}, 1
  for _, place in ipairs(found) do
    if place.at > from then
      pieces[#pieces + 1] = { place.before, rest.text:sub(from, place.at - 1) }
    end
    from = place.at + place.size
  end
  return pieces
end

---Return the next part of a text: the whole, a line, or a word as the buffer's 'iskeyword' has it.
---@param text string
---@param part 'whole'|'line'|'word'
---@return string
function M.part(text, part)
  if part == 'whole' then
    return text
  elseif part == 'line' then
    return text:match('^\n?[^\n]*')
  end
  return vim.fn.matchstr(text, [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\?]])
end

---Return how many bytes of what a suggestion replaces are in a part of it.
---@param rest slm_lsp.Rest
---@param piece string The beginning of its text.
---@return integer
function M.covered(rest, piece)
  if #piece == #rest.text then
    return #rest.replaced
  end
  local count = 0
  for _, place in ipairs(places(rest.replaced, rest.text) or {}) do
    count = count + (place.at <= #piece and place.size or 0)
  end
  return count
end

---Return the anchor after a part of its text has been put at the cursor.
---@param anchor slm_lsp.Anchor
---@param rest slm_lsp.Rest What was left before.
---@param piece string The part.
---@param row integer The cursor's line, after the part.
---@param col integer The cursor's byte in it.
---@return slm_lsp.Anchor
function M.advanced(anchor, rest, piece, row, col)
  local moved = vim.deepcopy(anchor)
  moved.replaced = rest.replaced:sub(M.covered(rest, piece) + 1)
  if row == anchor.row then
    return moved
  end
  local start = #anchor.text - #rest.text + #piece - col
  moved.row, moved.before, moved.text = row, '', anchor.text:sub(start + 1)
  return moved
end

return M
