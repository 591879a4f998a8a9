//! A walk along pages.

use super::pages::TablePage;

/// Walks along the pages of a run.
pub(super) struct PageCursor<'a> {
    pages: &'a [(&'a TablePage, Vec<u32>)],
    page: usize,
    used: usize,
}

impl<'a> PageCursor<'a> {
    /// At the first page.
    pub fn new(pages: &'a [(&'a TablePage, Vec<u32>)]) -> Self {
        Self { pages, page: 0, used: 0 }
    }

    /// At most so many rows further, in one page; none behind the last.
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

/// Some rows of one page.
pub(super) struct PageRows<'a> {
    /// Number of the rows.
    pub length: usize,
    /// The row group's row of the first.
    pub first_row: usize,
    /// Their page.
    pub page: &'a TablePage,
    /// The regions that touch the page.
    pub regions: &'a [u32],
}
