---Draws a suggestion as virtual text.
local M = {}

local api = vim.api
local text = require('slm_lsp.text')

M.namespace = api.nvim_create_namespace('slm_lsp')

---Let a group look like Neovim's own for inline completion, which 0.11 has not.
---@param name string
---@param like string
---@param otherwise string
local function highlight(name, like, otherwise)
  api.nvim_set_hl(0, name, { default = true, link = vim.fn.hlexists(like) == 1 and like or otherwise })
end

highlight('SlmLspGhost', 'ComplHint', 'NonText')
highlight('SlmLspCount', 'ComplHintMore', 'MoreMsg')

---Return a text with its tabs as the spaces that they take from a column on: virtual text has no tab stops.
---@param line string
---@param column integer The cell where it begins, from 0.
---@return string
local function expanded(line, column)
  local out, cell = {}, column
  for word, tab in line:gmatch('([^\t]*)(\t?)') do
    local width = vim.fn.strdisplaywidth(word, cell)
    out[#out + 1] = word
    cell = cell + width
    if tab ~= '' then
      local stop = vim.fn.strdisplaywidth('\t', cell)
      out[#out + 1] = (' '):rep(stop)
      cell = cell + stop
    end
  end
  return table.concat(out)
end

---Take away what is drawn in a buffer.
---@param bufnr integer
function M.clear(bufnr)
  api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
end

---@param bufnr integer
---@param row integer
---@param col integer
---@param marks vim.api.keyset.set_extmark
local function mark(bufnr, row, col, marks)
  marks.hl_mode = 'combine'
  api.nvim_buf_set_extmark(bufnr, M.namespace, row, col, marks)
end

---Draw a suggestion of several lines: the first at the cursor, the others below, and at the end of the last
---one what stands in the buffer after the suggestion. The hint is in the cursor's line, which is on the screen.
---@param bufnr integer
---@param row integer
---@param col integer
---@param rest slm_lsp.Rest
---@param line string
---@param cell integer
---@param hint? string
local function paint_lines(bufnr, row, col, rest, line, cell, hint)
  local lines = vim.split(rest.text, '\n', { plain = true })
  local below = {}
  for index = 2, #lines do
    below[#below + 1] = { { expanded(lines[index], 0), 'SlmLspGhost' } }
  end
  local after = line:sub(col + #rest.replaced + 1)
  local last = below[#below]
  if after ~= '' then
    last[#last + 1] = { expanded(after, vim.fn.strdisplaywidth(last[1][1])), '' }
  end
  local first, following = expanded(lines[1], cell), line:sub(col + 1)
  local hidden = vim.fn.strdisplaywidth(following, cell) - vim.fn.strdisplaywidth(first, cell)
  local chunks = { { first .. (' '):rep(following == '' and 0 or math.max(0, hidden)), 'SlmLspGhost' } }
  if hint then
    chunks[2] = { hint, 'SlmLspCount' }
  end
  mark(bufnr, row, col, {
    virt_text = chunks,
    virt_text_pos = following == '' and 'inline' or 'overlay',
    virt_lines = below,
  })
end

---Draw what is left of a suggestion at the cursor.
---@param bufnr integer
---@param row integer
---@param col integer
---@param rest slm_lsp.Rest
---@param hint? string What to show after it.
function M.paint(bufnr, row, col, rest, hint)
  local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1]
  -- The column on the screen, so that tab stops are right after the virtual text of others.
  local cell = vim.fn.virtcol({ row + 1, col + 1 }, true)[1] - 1
  if rest.text:find('\n', 1, true) then
    return paint_lines(bufnr, row, col, rest, line, cell, hint)
  end
  local pieces = text.pieces(rest) or { { 0, rest.text } }
  for index, piece in ipairs(pieces) do
    local chunks = { { expanded(piece[2], cell), 'SlmLspGhost' } }
    if hint and index == #pieces then
      chunks[2] = { hint, 'SlmLspCount' }
    end
    mark(bufnr, row, col + piece[1], { virt_text = chunks, virt_text_pos = 'inline' })
  end
end

return M
