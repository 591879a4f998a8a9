//! Steps through the rows of consecutive pages.

use super::pages::TablePage;

/// Steps through the pages of a run.
pub(super) struct PageCursor<'a> {
    pages: &'a [(&'a TablePage, Vec<u32>)],
    page: usize,
    used: usize,
}

impl<'a> PageCursor<'a> {
    /// Starts at the first page.
    pub fn new(pages: &'a [(&'a TablePage, Vec<u32>)]) -> Self {
        Self { pages, page: 0, used: 0 }
    }

    /// Returns the next rows, at most `most` and all in one page; `None` after the last row.
    pub fn next_rows(&mut self, most: usize) -> Option<PageRows<'a>> {
        while let Some((page, regions)) = self.pages.get(self.page) {
            let length = (page.rows.len() - self.used).min(most);
            if length > 0 {
                let first = page.rows.start + self.used;
                self.used += length;
                return Some(PageRows { length, first_row: first, page, regions });
            }
            (self.page, self.used) = (self.page + 1, 0);
        }
        None
    }
}

/// Consecutive rows of one page.
pub(super) struct PageRows<'a> {
    /// Number of the rows.
    pub length: usize,
    /// The first row, as an index in the row group.
    pub first_row: usize,
    /// The page.
    pub page: &'a TablePage,
    /// The regions that touch the page.
    pub regions: &'a [u32],
}
