"""The decisions, pure: from what the user asked, what the site decided and what is true to a Plan."""
